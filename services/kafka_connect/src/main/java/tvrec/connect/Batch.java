package tvrec.connect;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.apache.kafka.connect.errors.DataException;

/** Records of one partition that become one object: JSON lines, compressed by gzip. */
final class Batch {

    private static final Pattern OFFSET = Pattern.compile("^\\{\"offset\":(\\d+),");

    private final long firstOffset;
    private final long createdAt;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final GZIPOutputStream lines;
    private int records;
    private byte[] content;

    Batch(long firstOffset, long createdAt) {
        this.firstOffset = firstOffset;
        this.createdAt = createdAt;
        try {
            lines = new GZIPOutputStream(bytes);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    long firstOffset() {
        return firstOffset;
    }

    boolean isFull(int mostRecords, long now, long mostMilliseconds) {
        return records >= mostRecords || now - createdAt >= mostMilliseconds || content != null;
    }

    /** Adds a record; {@code value} is its JSON. */
    void add(long offset, byte[] value) {
        try {
            lines.write(("{\"offset\":" + offset + ",\"value\":").getBytes(StandardCharsets.UTF_8));
            lines.write(value);
            lines.write('}');
            lines.write('\n');
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        records++;
    }

    /** Ends the batch; from then on it is full. */
    byte[] content() {
        if (content == null) {
            try {
                lines.close();
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            content = bytes.toByteArray();
        }
        return content;
    }

    /** Returns the offset of the last record of a batch that was written. */
    static long lastOffset(String key, byte[] content) {
        String last = null;
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(
                new GZIPInputStream(new ByteArrayInputStream(content)), StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                last = line;
            }
        } catch (IOException error) {
            throw new DataException(key + " is no batch of this sink: " + error.getMessage(), error);
        }
        Matcher matcher = OFFSET.matcher(last == null ? "" : last);
        if (!matcher.find()) {
            throw new DataException(key + " is no batch of this sink: its last line has no offset");
        }
        return Long.parseLong(matcher.group(1));
    }
}
