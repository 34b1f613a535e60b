package tvrec.connect;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.types.Password;

/** What the connector is told. */
final class BatchSinkConfig extends AbstractConfig {

    static final String BUCKET = "s3.bucket";
    static final String ENDPOINT = "s3.endpoint.url";
    static final String REGION = "s3.region";
    static final String KEY_ID = "aws.access.key.id";
    static final String SECRET = "aws.secret.access.key";
    static final String FOLDER = "topics.folder";
    static final String RECORDS = "batch.records";
    static final String MILLISECONDS = "batch.ms";

    private static final Pattern BUCKET_NAME =
            Pattern.compile("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]");
    private static final Pattern FOLDER_NAME =
            Pattern.compile("[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*");

    static final ConfigDef DEFINITION =
            new ConfigDef()
                    .define(BUCKET, Type.STRING, ConfigDef.NO_DEFAULT_VALUE,
                            BatchSinkConfig::checkBucket, Importance.HIGH,
                            "The bucket; it must exist.")
                    .define(ENDPOINT, Type.STRING, "", BatchSinkConfig::checkEndpoint,
                            Importance.HIGH, "Address of the S3 server; empty: AWS.")
                    .define(REGION, Type.STRING, "us-east-1", new ConfigDef.NonEmptyString(),
                            Importance.MEDIUM, "S3 region.")
                    .define(KEY_ID, Type.STRING, "", Importance.HIGH,
                            "S3 access key; empty: the credentials that the AWS SDK finds.")
                    .define(SECRET, Type.PASSWORD, "", Importance.HIGH, "S3 secret key.")
                    .define(FOLDER, Type.STRING, "topics", BatchSinkConfig::checkFolder,
                            Importance.LOW, "First part of the keys.")
                    .define(RECORDS, Type.INT, 10_000, Range.between(1, 1_000_000),
                            Importance.MEDIUM, "Records at which a batch is written.")
                    .define(MILLISECONDS, Type.LONG, 10_000L, Range.atLeast(100),
                            Importance.MEDIUM,
                            "Age of its first record, in milliseconds, at which a batch is"
                                    + " written.");

    BatchSinkConfig(Map<String, String> properties) {
        super(DEFINITION, properties);
    }

    Password secret() {
        return getPassword(SECRET);
    }

    static boolean isGiven(Object value) {
        return value instanceof Password password
                ? !password.value().isEmpty()
                : value != null && !value.toString().isEmpty();
    }

    private static void checkBucket(String name, Object value) {
        check(name, value, BUCKET_NAME,
                "is no name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens");
    }

    private static void checkFolder(String name, Object value) {
        check(name, value, FOLDER_NAME,
                "is no folder: letters, digits and _.-, with single slashes between them");
    }

    private static void check(String name, Object value, Pattern pattern, String complaint) {
        if (value == null || !pattern.matcher(value.toString()).matches()) {
            throw new ConfigException(name, value, complaint);
        }
    }

    private static void checkEndpoint(String name, Object value) {
        if (!isGiven(value)) {
            return;
        }
        URI uri;
        try {
            uri = new URI(value.toString());
        } catch (URISyntaxException error) {
            throw new ConfigException(name, value, "is no address: " + error.getReason());
        }
        boolean isHttp = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
        if (!isHttp || uri.getHost() == null) {
            throw new ConfigException(name, value, "must be like http://minio:9000");
        }
    }
}
