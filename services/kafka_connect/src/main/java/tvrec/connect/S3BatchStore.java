package tvrec.connect;

import java.net.URI;
import java.util.Optional;
import java.util.function.Supplier;
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
    /** What S3 answers while another conditional write of the same key is under way. */
    private static final int CONFLICT = 409;

    private final String bucket;
    private final S3Client client;

    S3BatchStore(BatchSinkConfig config) {
        bucket = config.getString(BatchSinkConfig.BUCKET);
        S3ClientBuilder builder =
                S3Client.builder()
                        .httpClientBuilder(UrlConnectionHttpClient.builder())
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
                client.listObjectsV2(r -> r.bucket(bucket).prefix(prefix).startAfter(after).maxKeys(1))
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
        return attempt(() -> {
            try {
                client.putObject(
                        r -> r.bucket(bucket).key(key).ifNoneMatch("*"),
                        RequestBody.fromBytes(content));
                return true;
            } catch (S3Exception error) {
                if (error.statusCode() == PRECONDITION_FAILED || error.statusCode() == CONFLICT) {
                    return false;
                }
                throw error;
            }
        });
    }

    private <T> T attempt(Supplier<T> action) {
        try {
            return action.get();
        } catch (SdkException error) {
            throw new RetriableException("the bucket " + bucket + " cannot be used: " + error.getMessage(), error);
        }
    }

    @Override
    public void close() {
        client.close();
    }
}
