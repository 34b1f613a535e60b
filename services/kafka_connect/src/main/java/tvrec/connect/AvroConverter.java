package tvrec.connect;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.storage.Converter;

/**
 * Reads flat Avro records in Confluent's wire format (a zero byte, the schema's id in four
 * bytes, the record) into maps without a schema, of which the sink makes JSON.
 *
 * <p>What the message is at fault for is a {@code DataException}, which Connect sends to the
 * dead-letter topic. A registry that is away is a {@code RetriableException}, which Connect
 * tries again for {@code errors.retry.timeout}: other converters report both alike, and with
 * {@code errors.tolerance=all} good records end among the dead ones.
 *
 * <p>See <a href="https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format">the
 * wire format</a>.
 */
public final class AvroConverter implements Converter {

    static final String URL = "schema.registry.url";
    static final String USER_INFO = "basic.auth.user.info";

    private static final byte MAGIC = 0;
    private static final int HEADER_BYTES = 5;

    private final Map<Integer, GenericDatumReader<GenericRecord>> readers = new ConcurrentHashMap<>();
    private SchemaRegistry registry;

    @Override
    public void configure(Map<String, ?> configs, boolean isKey) {
        Object url = configs.get(URL);
        if (url == null || url.toString().isBlank()) {
            throw new org.apache.kafka.common.config.ConfigException(URL, url, "the converter needs it");
        }
        Object userInfo = configs.get(USER_INFO);
        registry = new SchemaRegistry(url.toString(), userInfo == null ? "" : userInfo.toString());
    }

    @Override
    public SchemaAndValue toConnectData(String topic, byte[] message) {
        if (message == null) {
            return SchemaAndValue.NULL;
        }
        if (message.length < HEADER_BYTES || message[0] != MAGIC) {
            throw new DataException("not an Avro message in Confluent's wire format");
        }
        int id = ByteBuffer.wrap(message, 1, Integer.BYTES).getInt();
        GenericDatumReader<GenericRecord> reader =
                readers.computeIfAbsent(id, ignored -> new GenericDatumReader<>(registry.schema(id)));
        BinaryDecoder decoder =
                DecoderFactory.get().binaryDecoder(message, HEADER_BYTES, message.length - HEADER_BYTES, null);
        try {
            GenericRecord record = reader.read(null, decoder);
            if (!decoder.isEnd()) {
                throw new DataException("bytes are left over after the record of schema " + id);
            }
            return new SchemaAndValue(null, map(record));
        } catch (IOException | AvroRuntimeException | ClassCastException error) {
            throw new DataException("not a record of schema " + id + ": " + error, error);
        }
    }

    private static Map<String, Object> map(GenericRecord record) {
        Map<String, Object> values = new LinkedHashMap<>();
        record.getSchema().getFields().forEach(field -> values.put(field.name(), plain(record.get(field.pos()))));
        return values;
    }

    /** Returns numbers, truth values and null as they are, texts and symbols as text. */
    private static Object plain(Object value) {
        boolean isPlain = value == null || value instanceof Number || value instanceof Boolean;
        if (isPlain) {
            return value;
        }
        if (value instanceof CharSequence || value instanceof org.apache.avro.generic.GenericEnumSymbol) {
            return value.toString();
        }
        throw new DataException("a field holds a " + value.getClass().getSimpleName() + ": only flat records are read");
    }

    @Override
    public byte[] fromConnectData(String topic, Schema schema, Object value) {
        throw new DataException("this converter only reads");
    }
}
