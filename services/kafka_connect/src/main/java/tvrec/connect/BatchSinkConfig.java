package tvrec.connect;

import java.util.Map;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigDef.Type;
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

    static final ConfigDef DEFINITION =
            new ConfigDef()
                    .define(BUCKET, Type.STRING, ConfigDef.NO_DEFAULT_VALUE,
                            new ConfigDef.NonEmptyString(), Importance.HIGH,
                            "The bucket; it must exist.")
                    .define(ENDPOINT, Type.STRING, "", Importance.HIGH,
                            "Address of the S3 server; empty: AWS.")
                    .define(REGION, Type.STRING, "us-east-1", Importance.MEDIUM, "S3 region.")
                    .define(KEY_ID, Type.STRING, "", Importance.HIGH,
                            "S3 access key; empty: the credentials that the AWS SDK finds.")
                    .define(SECRET, Type.PASSWORD, "", Importance.HIGH, "S3 secret key.")
                    .define(FOLDER, Type.STRING, "topics", Importance.LOW,
                            "First part of the keys.")
                    .define(RECORDS, Type.INT, 10_000, Range.between(1, 1_000_000),
                            Importance.MEDIUM, "Records at which a batch is written.")
                    .define(MILLISECONDS, Type.LONG, 10_000L, Range.atLeast(100),
                            Importance.MEDIUM,
                            "Age of its first record, in milliseconds, at which a batch is written.");

    BatchSinkConfig(Map<String, String> properties) {
        super(DEFINITION, properties);
    }

    Password secret() {
        return getPassword(SECRET);
    }
}
