package tvrec.connect;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.Config;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;

/** Writes the records of topics as batches of JSON lines into an S3 bucket. */
public final class BatchSinkConnector extends SinkConnector {

    private Map<String, String> properties = Map.of();

    @Override
    public void start(Map<String, String> given) {
        properties = given;
    }

    @Override
    public Class<? extends Task> taskClass() {
        return BatchSinkTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int maxTasks) {
        return Collections.nCopies(maxTasks, properties);
    }

    @Override
    public void stop() {
        // Nothing is open here.
    }

    @Override
    public ConfigDef config() {
        return BatchSinkConfig.DEFINITION;
    }

    /** Checks each setting by itself, then that no access key lacks its secret. */
    @Override
    public Config validate(Map<String, String> given) {
        Config checked = super.validate(given);
        Map<String, ConfigValue> values =
                checked.configValues().stream()
                        .collect(Collectors.toMap(ConfigValue::name, value -> value));
        boolean hasId = BatchSinkConfig.isGiven(values.get(BatchSinkConfig.KEY_ID).value());
        ConfigValue secret = values.get(BatchSinkConfig.SECRET);
        if (hasId != BatchSinkConfig.isGiven(secret.value())) {
            secret.addErrorMessage(
                    "give both " + BatchSinkConfig.KEY_ID + " and " + BatchSinkConfig.SECRET
                            + ", or neither, for the credentials that the AWS SDK finds");
        }
        return checked;
    }

    /** Refuses: to set the group's offsets would change nothing, as the bucket decides. */
    @Override
    public boolean alterOffsets(Map<String, String> given, Map<TopicPartition, Long> offsets) {
        throw new UnsupportedOperationException(
                "this sink goes on after the batches in its bucket:"
                        + " move batches away to have their records written again");
    }

    @Override
    public String version() {
        return Version.text();
    }
}
