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
final class Batch implements AutoCloseable {

    /** Compressed; bounds the memory that a partition takes, whatever its records' size. */
    static final int MOST_BYTES = 8 << 20;

    private static final Pattern OFFSET = Pattern.compile("^\\{\"offset\":(\\d{1,18}),");

    private final long start;
    private final long createdAt;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final GZIPOutputStream lines;
    private int records;
    private long first;
    private long end;
    private byte[] content;

    Batch(long start, long createdAt) {
        this.start = start;
        this.createdAt = createdAt;
        try {
            lines = new GZIPOutputStream(bytes);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** Returns the offset that the batch starts at, where the one before it ends. */
    long start() {
        return start;
    }

    /** Returns the offset of its first record: its start, or later if records are gone. */
    long first() {
        return first;
    }

    /** Returns the offset after its last record. */
    long end() {
        return end;
    }

    long age(long now) {
        return now - createdAt;
    }

    boolean isFull(int mostRecords, long now, long mostMilliseconds) {
        return records >= mostRecords
                || age(now) >= mostMilliseconds
                || bytes.size() >= MOST_BYTES
                || content != null;
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
        if (records == 0) {
            first = offset;
        }
        records++;
        end = offset + 1;
    }

    /** Ends the batch; from then on it is full. */
    byte[] content() {
        if (content == null) {
            close();
            content = bytes.toByteArray();
        }
        return content;
    }

    /** Frees the compressor, which is not on Java's heap. */
    @Override
    public void close() {
        try {
            lines.close();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
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
            throw noBatch(key, error.getMessage());
        }
        Matcher matcher = OFFSET.matcher(last == null ? "" : last);
        if (!matcher.find()) {
            throw noBatch(key, "its last line has no offset");
        }
        return Long.parseLong(matcher.group(1));
    }

    private static DataException noBatch(String key, String why) {
        return new DataException(
                key + " is no batch of this sink, so where to go on is not known: " + why
                        + "; move it away and restart the task");
    }
}
