package tvrec.connect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.connect.sink.SinkConnector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BatchSinkConnectorTest {

    private final BatchSinkConnector connector = new BatchSinkConnector();

    private Map<String, List<String>> errors(String... settings) {
        Map<String, String> given = new HashMap<>(Map.of("s3.bucket", "ratings"));
        for (int n = 0; n < settings.length; n += 2) {
            given.put(settings[n], settings[n + 1]);
        }
        Map<String, List<String>> found = new HashMap<>();
        for (ConfigValue value : connector.validate(given).configValues()) {
            if (!value.errorMessages().isEmpty()) {
                found.put(value.name(), value.errorMessages());
            }
        }
        return found;
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "http://minio:9000", "https://s3.example.org", "http://[::1]:9000"})
    void goodSettingsPass(String endpoint) {
        assertEquals(
                Map.of(),
                errors(
                        "s3.endpoint.url", endpoint,
                        "topics.folder", "a/b.c",
                        "aws.access.key.id", "id",
                        "aws.secret.access.key", "secret"));
    }

    @ParameterizedTest
    @CsvSource({
        "s3.bucket, ''",
        "s3.bucket, Ratings",
        "s3.bucket, s3://ratings",
        "s3.bucket, a/b",
        "s3.endpoint.url, minio:9000",
        "s3.endpoint.url, ftp://minio",
        "s3.endpoint.url, http://",
        "s3.endpoint.url, http://a b",
        "s3.region, ''",
        "topics.folder, ''",
        "topics.folder, /topics",
        "topics.folder, topics/",
        "topics.folder, a//b",
        "batch.records, 0",
        "batch.records, many",
        "batch.ms, 99"
    })
    void aBadSettingIsNamed(String name, String value) {
        Map<String, List<String>> found = errors(name, value);
        assertEquals(List.of(name), List.copyOf(found.keySet()));
        assertTrue(found.get(name).get(0).contains(name), found.toString());
    }

    @Test
    void aKeyNeedsItsSecretAndTheOtherWayRound() {
        String secret = "aws.secret.access.key";
        assertTrue(errors("aws.access.key.id", "id").containsKey(secret));
        Map<String, List<String>> found = errors(secret, "do not print");
        assertTrue(found.containsKey(secret));
        assertFalse(found.toString().contains("do not print"));
    }

    @Test
    void aBucketIsNeeded() {
        ConfigValue bucket =
                connector.validate(Map.of()).configValues().stream()
                        .filter(value -> value.name().equals("s3.bucket"))
                        .findFirst()
                        .orElseThrow();
        assertFalse(bucket.errorMessages().isEmpty());
    }

    @Test
    void everyTaskGetsTheSettings() {
        Map<String, String> settings = new HashMap<>();
        settings.put("s3.bucket", "ratings");
        settings.put("unset", null);
        connector.start(settings);
        assertEquals(List.of(settings, settings), connector.taskConfigs(2));
        assertEquals(BatchSinkTask.class, connector.taskClass());
    }

    @Test
    void theGroupsOffsetsCannotBeAltered() {
        assertThrows(
                UnsupportedOperationException.class,
                () -> connector.alterOffsets(Map.of(), Map.of(Records.TP, 5L)));
    }

    @Test
    void connectFindsIt() {
        assertTrue(
                ServiceLoader.load(SinkConnector.class).stream()
                        .anyMatch(found -> found.type() == BatchSinkConnector.class));
    }
}
