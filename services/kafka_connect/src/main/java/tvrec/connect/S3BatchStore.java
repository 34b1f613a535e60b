package tvrec.connect;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;

/** A bucket. */
final class S3BatchStore implements BatchStore {

    private static final int PRECONDITION_FAILED = 412;
    /** Short, as a task that waits for an answer cannot be stopped, and Connect tries again. */
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final int ATTEMPTS = 2;

    private final String bucket;
    private final S3Client client;
    private boolean refusesSecond;

    S3BatchStore(BatchSinkConfig config) {
        bucket = config.getString(BatchSinkConfig.BUCKET);
        S3ClientBuilder builder =
                S3Client.builder()
                        .httpClientBuilder(
                                UrlConnectionHttpClient.builder().socketTimeout(PATIENCE))
                        .overrideConfiguration(
                                o -> o.retryStrategy(retry -> retry.maxAttempts(ATTEMPTS)))
                        .credentialsProvider(credentials(config))
                        .region(Region.of(config.getString(BatchSinkConfig.REGION)))
                        // Servers other than AWS do not all know the newer trailing checksums.
                        .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED);
        String endpoint = config.getString(BatchSinkConfig.ENDPOINT);
        if (!endpoint.isEmpty()) {
            builder.endpointOverride(URI.create(endpoint)).forcePathStyle(true);
        }
        client = builder.build();
    }

    private static AwsCredentialsProvider credentials(BatchSinkConfig config) {
        String id = config.getString(BatchSinkConfig.KEY_ID);
        return id.isEmpty()
                ? DefaultCredentialsProvider.builder().build()
                : StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(id, config.secret().value()));
    }

    @Override
    public Optional<String> firstAfter(String prefix, String after) {
        return attempt(() ->
                client.listObjectsV2(
                                r -> r.bucket(bucket).prefix(prefix).startAfter(after).maxKeys(1))
                        .contents()
                        .stream()
                        .map(S3Object::key)
                        .findFirst());
    }

    @Override
    public byte[] get(String key) {
        return attempt(() -> client.getObjectAsBytes(r -> r.bucket(bucket).key(key)).asByteArray());
    }

    @Override
    public boolean create(String key, byte[] content) {
        boolean created = attempt(() -> createOnce(key, content));
        if (created && !refusesSecond) {
            // Without the condition a second writer would overwrite batches, and lose records.
            if (attempt(() -> createOnce(key, content))) {
                throw new ConnectException(
                        "the S3 server ignores If-None-Match, without which batches are not safe:"
                                + " use one that knows conditional writes");
            }
            refusesSecond = true;
        }
        return created;
    }

    private boolean createOnce(String key, byte[] content) {
        try {
            client.putObject(
                    r -> r.bucket(bucket).key(key).ifNoneMatch("*"),
                    RequestBody.fromBytes(content));
            return true;
        } catch (S3Exception error) {
            if (error.statusCode() == PRECONDITION_FAILED) {
                return false;
            }
            throw error;
        }
    }

    private <T> T attempt(Supplier<T> action) {
        try {
            return action.get();
        } catch (SdkException error) {
            // Even what looks final, as a missing bucket or a refused key: both get mended, and
            // a task that has failed must be restarted by hand.
            throw new RetriableException(
                    "the bucket " + bucket + " cannot be used: " + error.getMessage(), error);
        }
    }

    @Override
    public void close() {
        client.close();
    }
}
