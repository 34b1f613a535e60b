package tvrec.connect;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.SchemaParseException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;

/**
 * Schemas by id, from any registry with Confluent's API. What an id stands for never changes,
 * so each is asked for once.
 */
final class SchemaRegistry {

    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final int OK = 200;
    private static final int NOT_FOUND = 404;

    private final ObjectMapper json = new ObjectMapper();
    private final Map<Integer, Schema> known = new ConcurrentHashMap<>();
    private final HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
    private final String url;
    private final String userInfo;

    /**
     * Makes a client; nothing connects before the first message.
     *
     * @param url address of the registry
     * @param userInfo {@code user:password}, or empty
     */
    SchemaRegistry(String url, String userInfo) {
        this.url = url.replaceAll("/+$", "");
        this.userInfo = userInfo;
    }

    /**
     * Returns a schema.
     *
     * @throws DataException if there is none of this id: the message's fault
     * @throws RetriableException if the registry cannot be asked: no fault of the message
     */
    Schema schema(int id) {
        return known.computeIfAbsent(id, this::fetched);
    }

    private Schema fetched(int id) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(url + "/schemas/ids/" + id)).timeout(TIMEOUT);
        if (!userInfo.isEmpty()) {
            String token = Base64.getEncoder().encodeToString(userInfo.getBytes(StandardCharsets.UTF_8));
            request.header("Authorization", "Basic " + token);
        }
        try {
            HttpResponse<String> answer = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() == NOT_FOUND) {
                throw new DataException("the Schema Registry knows no schema " + id);
            }
            if (answer.statusCode() != OK) {
                throw new RetriableException("the Schema Registry at " + url + " answers " + answer.statusCode());
            }
            return new Schema.Parser().parse(json.readTree(answer.body()).path("schema").asText());
        } catch (SchemaParseException error) {
            throw new DataException("schema " + id + " is no Avro schema: " + error.getMessage(), error);
        } catch (IOException error) {
            throw new RetriableException("the Schema Registry at " + url + " does not answer: " + error, error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new RetriableException("interrupted while asking the Schema Registry", error);
        }
    }
}
