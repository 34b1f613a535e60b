package tvrec.connect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

class S3BatchStoreTest {

    private static final String SECRET = UUID.randomUUID().toString();

    private static S3BatchStore store(int port, String bucket) {
        return new S3BatchStore(
                new BatchSinkConfig(
                        Map.of(
                                "s3.bucket", bucket,
                                "s3.endpoint.url", "http://127.0.0.1:" + port,
                                "aws.access.key.id", "test-user",
                                "aws.secret.access.key", SECRET)));
    }

    /** Answers every request alike, and notes what was asked. */
    private static HttpServer server(int status, List<String> asked) throws IOException {
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            asked.add(
                    exchange.getRequestMethod() + " "
                            + exchange.getRequestHeaders().getFirst("If-None-Match"));
            exchange.getRequestBody().readAllBytes();
            exchange.sendResponseHeaders(status, -1);
            exchange.close();
        });
        server.start();
        return server;
    }

    @Test
    void aServerThatIgnoresTheConditionIsFoundOut() throws IOException {
        List<String> asked = new ArrayList<>();
        HttpServer server = server(200, asked);
        try (S3BatchStore store = store(server.getAddress().getPort(), "bucket")) {
            ConnectException error =
                    assertThrows(ConnectException.class, () -> store.create("key", new byte[1]));
            assertFalse(error instanceof RetriableException);
            assertEquals(List.of("PUT *", "PUT *"), asked);
        } finally {
            server.stop(0);
        }
    }

    @Test
    void whatFailsCanBeTriedAgainAndNamesTheBucketOnly() throws IOException {
        for (int status : new int[] {403, 404, 409, 500, 503}) {
            HttpServer server = server(status, new ArrayList<>());
            try (S3BatchStore store = store(server.getAddress().getPort(), "the-bucket")) {
                for (Runnable request : List.<Runnable>of(
                        () -> store.create("key", new byte[1]),
                        () -> store.firstAfter("a", ""),
                        () -> store.get("key"))) {
                    RetriableException error =
                            assertThrows(RetriableException.class, request::run, status + "");
                    assertTrue(error.getMessage().contains("the-bucket"));
                    assertFalse(error.getMessage().contains(SECRET));
                }
            } finally {
                server.stop(0);
            }
        }
    }

    /** With the program that the variable names. */
    @Nested
    @EnabledIfEnvironmentVariable(named = "MINIO", matches = ".+")
    @TestInstance(TestInstance.Lifecycle.PER_CLASS)
    class WithMinio {

        private Process minio;
        private int port;

        @BeforeAll
        void start(@TempDir Path folder) throws Exception {
            try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                port = free.getLocalPort();
            }
            ProcessBuilder command =
                    new ProcessBuilder(
                            System.getenv("MINIO"), "server", "--quiet",
                            "--address", "127.0.0.1:" + port,
                            "--console-address", "127.0.0.1:0", folder.toString());
            command.environment()
                    .putAll(
                            Map.of(
                                    "MINIO_ROOT_USER", "test-user",
                                    "MINIO_ROOT_PASSWORD", SECRET,
                                    "MINIO_BROWSER", "off",
                                    "MINIO_UPDATE", "off"));
            minio = command.redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try (S3Client client =
                    S3Client.builder()
                            .httpClientBuilder(UrlConnectionHttpClient.builder())
                            .region(Region.US_EAST_1)
                            .endpointOverride(URI.create("http://127.0.0.1:" + port))
                            .forcePathStyle(true)
                            .credentialsProvider(
                                    StaticCredentialsProvider.create(
                                            AwsBasicCredentials.create("test-user", SECRET)))
                            .build()) {
                for (int tries = 0; ; tries++) {
                    try {
                        client.createBucket(r -> r.bucket("bucket"));
                        return;
                    } catch (RuntimeException error) {
                        if (tries == 40) {
                            throw error;
                        }
                        TimeUnit.MILLISECONDS.sleep(250);
                    }
                }
            }
        }

        @AfterAll
        void stop() throws InterruptedException {
            if (minio != null) {
                minio.destroy();
                minio.waitFor(10, TimeUnit.SECONDS);
            }
        }

        @Test
        void anObjectIsCreatedOnce() {
            try (S3BatchStore store = store(port, "bucket")) {
                assertTrue(store.create("once/a", new byte[] {1}));
                assertFalse(store.create("once/a", new byte[] {2}));
                assertTrue(store.create("once/b", new byte[] {3}));
                assertArrayEquals(new byte[] {1}, store.get("once/a"));
            }
        }

        @Test
        void keysAreFoundInOrder() {
            try (S3BatchStore store = store(port, "bucket")) {
                store.create("order/b", new byte[1]);
                store.create("order/a", new byte[1]);
                store.create("order-", new byte[1]);
                assertEquals(Optional.of("order/a"), store.firstAfter("order/", ""));
                assertEquals(Optional.of("order/b"), store.firstAfter("order/", "order/a"));
                assertEquals(Optional.empty(), store.firstAfter("order/", "order/b"));
            }
        }

        @Test
        void theLastBatchIsFound() {
            BatchKeys keys = new BatchKeys("last");
            try (S3BatchStore store = store(port, "bucket")) {
                assertEquals(Optional.empty(), keys.last(store, Records.TP));
                for (long start : new long[] {0, 10, 20, 12_345_678}) {
                    store.create(keys.key(Records.TP, start), new byte[1]);
                }
                assertEquals(
                        Optional.of(keys.key(Records.TP, 12_345_678)),
                        keys.last(store, Records.TP));
            }
        }

        @Test
        void aBucketThatIsMissingCanBeTriedAgain() {
            try (S3BatchStore store = store(port, "missing")) {
                assertThrows(RetriableException.class, () -> store.firstAfter("a", ""));
            }
        }

        @Test
        void tasksWriteAndGoOn() {
            for (long round = 0; round < 2; round++) {
                FakeContext context = new FakeContext();
                BatchSinkTask task =
                        new BatchSinkTask(store(port, "bucket"), () -> 0);
                task.initialize(context);
                task.start(Map.of("s3.bucket", "bucket", "batch.records", "10"));
                task.open(List.of(Records.TP));
                task.put(List.of());
                assertEquals(
                        round == 0 ? Map.of() : Map.of(Records.TP, 20L), context.offsets);
                task.put(Records.records(Records.TP, 20 * round, 20 * round + 25));
                task.stop();
            }
            try (S3BatchStore store = store(port, "bucket")) {
                List<Long> offsets = new ArrayList<>();
                for (long start : new long[] {0, 10, 20, 30}) {
                    String key = new BatchKeys("topics").key(Records.TP, start);
                    offsets.addAll(Records.offsets(store.get(key)));
                }
                assertEquals(
                        LongStream.range(0, 40).boxed().toList(),
                        offsets);
            }
        }
    }
}
