package tvrec.connect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.apache.kafka.connect.errors.DataException;
import org.junit.jupiter.api.Test;

class BatchTest {

    @Test
    void whatIsAddedIsReadBack() {
        Batch batch = new Batch(6, 0);
        batch.add(7, "{\"a\":1}".getBytes(StandardCharsets.UTF_8));
        batch.add(9, "\"é\"".getBytes(StandardCharsets.UTF_8));
        byte[] content = batch.content();
        assertEquals(
                List.of("{\"offset\":7,\"value\":{\"a\":1}}", "{\"offset\":9,\"value\":\"é\"}"),
                Records.lines(content));
        assertEquals(6, batch.start());
        assertEquals(7, batch.first());
        assertEquals(10, batch.end());
        assertEquals(9, Batch.lastOffset("key", content));
    }

    @Test
    void isFullByCountByAgeBySizeAndOnceEnded() {
        Batch batch = new Batch(0, 100);
        batch.add(0, new byte[0]);
        assertFalse(batch.isFull(2, 109, 10));
        assertTrue(batch.isFull(1, 109, 10));
        assertTrue(batch.isFull(2, 110, 10));
        batch.content();
        assertTrue(batch.isFull(2, 109, 10));

        Batch large = new Batch(0, 0);
        byte[] noise = new byte[Batch.MOST_BYTES + (1 << 20)];
        new Random(1).nextBytes(noise);
        large.add(0, noise);
        assertTrue(large.isFull(Integer.MAX_VALUE, 0, Long.MAX_VALUE));
    }

    @Test
    void noBatchIsNamed() throws IOException {
        Batch batch = new Batch(0, 0);
        batch.add(0, "1".getBytes(StandardCharsets.UTF_8));
        byte[] good = batch.content();
        List<byte[]> foreign =
                List.of(
                        new byte[0],
                        "PAR1".getBytes(StandardCharsets.UTF_8),
                        Arrays.copyOf(good, good.length - 9),
                        gzip(""),
                        gzip("{\"value\":1}\n"),
                        gzip("{\"offset\":99999999999999999999,\"value\":1}\n"));
        for (byte[] content : foreign) {
            DataException error =
                    assertThrows(DataException.class, () -> Batch.lastOffset("the/key", content));
            assertTrue(error.getMessage().startsWith("the/key is no batch"), error.getMessage());
        }
    }

    private static byte[] gzip(String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream zip = new GZIPOutputStream(bytes)) {
            zip.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }
}
