package tvrec.connect;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.zip.GZIPInputStream;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.SinkRecord;

/** Records for a task, and what became of them. */
final class Records {

    static final TopicPartition TP = new TopicPartition("ratings", 0);

    private Records() {}

    static SinkRecord record(TopicPartition tp, long offset, Object value) {
        return new SinkRecord(tp.topic(), tp.partition(), null, null, null, value, offset);
    }

    static SinkRecord record(TopicPartition tp, long offset) {
        return record(tp, offset, Map.of("n", offset));
    }

    /** Returns records from one offset to before another. */
    static List<SinkRecord> records(TopicPartition tp, long from, long to) {
        return LongStream.range(from, to).mapToObj(offset -> record(tp, offset)).toList();
    }

    static List<String> lines(byte[] batch) {
        try (BufferedReader reader =
                new BufferedReader(
                        new InputStreamReader(
                                new GZIPInputStream(new ByteArrayInputStream(batch)),
                                StandardCharsets.UTF_8))) {
            return reader.lines().toList();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    static List<Long> offsets(byte[] batch) {
        return lines(batch).stream()
                .map(line -> line.replaceAll("^\\{\"offset\":(\\d+),\"value\":.*\\}$", "$1"))
                .map(Long::valueOf)
                .toList();
    }

    /** Returns the offsets of all records of a partition in a bucket, in the order of keys. */
    static List<Long> offsets(MemoryBatchStore store, TopicPartition tp) {
        String prefix = new BatchKeys("topics").prefix(tp);
        return store.objects.entrySet().stream()
                .filter(object -> object.getKey().startsWith(prefix))
                .flatMap(object -> offsets(object.getValue()).stream())
                .toList();
    }
}
