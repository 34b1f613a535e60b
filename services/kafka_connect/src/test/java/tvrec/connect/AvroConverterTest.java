package tvrec.connect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class AvroConverterTest {

    private static final int ID = 7;
    private static final Schema RATED = new Schema.Parser().parse("""
            {"type": "record", "name": "Rated", "fields": [
              {"name": "user_id", "type": "long"},
              {"name": "rating", "type": ["null", "int"]},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "source", "type": {"type": "enum", "name": "Source", "symbols": ["A", "B"]}},
              {"name": "event_id", "type": "string"}]}
            """);
    private static final Schema NESTED = new Schema.Parser().parse("""
            {"type": "record", "name": "Outer", "fields": [
              {"name": "inner", "type": {"type": "array", "items": "int"}}]}
            """);

    private final AtomicInteger asked = new AtomicInteger();
    private final AvroConverter converter = new AvroConverter();
    private HttpServer registry;
    private int status = 200;
    private String authorization = "";
    private Schema schema = RATED;

    @BeforeEach
    void startRegistry() throws IOException {
        registry = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        registry.createContext("/base/schemas/ids/", exchange -> {
            asked.incrementAndGet();
            authorization = exchange.getRequestHeaders().getFirst("Authorization");
            boolean known = exchange.getRequestURI().getPath().endsWith("/" + ID);
            String text = schema.toString().replace("\"", "\\\"");
            byte[] body = ("{\"schema\": \"" + text + "\"}").getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(known ? status : 404, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        registry.start();
        converter.configure(Map.of("schema.registry.url", url()), false);
    }

    @AfterEach
    void stopRegistry() {
        registry.stop(0);
    }

    private String url() {
        return "http://127.0.0.1:" + registry.getAddress().getPort() + "/base/";
    }

    private static byte[] message(int id, Schema schema, Consumer<GenericRecord> fill) {
        GenericRecord record = new GenericData.Record(schema);
        fill.accept(record);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(ByteBuffer.allocate(5).put((byte) 0).putInt(id).array());
        try {
            BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
            new GenericDatumWriter<GenericRecord>(schema).write(record, encoder);
            encoder.flush();
        } catch (IOException error) {
            throw new AssertionError(error);
        }
        return bytes.toByteArray();
    }

    private static byte[] rated(int id) {
        return message(id, RATED, record -> {
            record.put("user_id", 1L << 40);
            record.put("rating", null);
            record.put("at", 1_763_838_000_123L);
            record.put("source", new GenericData.EnumSymbol(RATED.getField("source").schema(), "B"));
            record.put("event_id", "one");
        });
    }

    private Object read(byte[] message) {
        return converter.toConnectData("ratings", message).value();
    }

    @Test
    void aRecordBecomesAMapOfPlainValues() {
        Map<String, Object> expected = new LinkedHashMap<>();
        expected.put("user_id", 1L << 40);
        expected.put("rating", null);
        expected.put("at", 1_763_838_000_123L);
        expected.put("source", "B");
        expected.put("event_id", "one");
        assertEquals(expected, read(rated(ID)));
    }

    @Test
    void aSchemaIsAskedForOnce() {
        read(rated(ID));
        registry.stop(0);
        read(rated(ID));
        assertEquals(1, asked.get());
    }

    @Test
    void noMessageIsNoValue() {
        assertNull(read(null));
    }

    @Test
    void whatTheMessageIsAtFaultForIsNotTriedAgain() {
        byte[] good = rated(ID);
        byte[][] bad = {
            {},
            "not Avro at all".getBytes(StandardCharsets.UTF_8),
            Arrays.copyOf(good, good.length - 2),
            Arrays.copyOf(good, good.length + 1),
            rated(ID + 1),
        };
        for (byte[] message : bad) {
            assertThrows(DataException.class, () -> read(message));
        }
    }

    @Test
    void onlyFlatRecordsAreRead() {
        schema = NESTED;
        byte[] message = message(ID, NESTED, record ->
                record.put("inner", new GenericData.Array<>(NESTED.getField("inner").schema(), Arrays.asList(1))));
        assertThrows(DataException.class, () -> read(message));
    }

    @Test
    void aRegistryInTroubleIsTriedAgain() {
        status = 503;
        assertThrows(RetriableException.class, () -> read(rated(ID)));
        status = 200;
        read(rated(ID));
    }

    @Test
    void aRegistryThatIsAwayIsTriedAgain() {
        registry.stop(0);
        assertThrows(RetriableException.class, () -> read(rated(ID)));
    }

    @Test
    void theRegistryIsToldWhoAsks() {
        AvroConverter known = new AvroConverter();
        known.configure(Map.of("schema.registry.url", url(), "basic.auth.user.info", "me:pass"), false);
        known.toConnectData("ratings", rated(ID));
        assertEquals("Basic bWU6cGFzcw==", authorization);
    }

    @Test
    void anAddressIsNeeded() {
        ConfigException error =
                assertThrows(ConfigException.class, () -> new AvroConverter().configure(Map.of(), false));
        assertTrue(error.getMessage().contains("schema.registry.url"));
    }
}
