package tvrec.connect;

import java.time.Clock;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes each record into exactly one batch.
 *
 * <p>What the bucket holds is the position: a task that gets a partition goes on after the
 * last record of its last batch, whatever Kafka has as the group's offset. A batch is created,
 * never overwritten, so of two tasks that both believe they own a partition one fails to
 * create and looks at the bucket again. (A server that ignores {@code If-None-Match} loses
 * that last guard; readers drop repeats anyway.)
 */
public final class BatchSinkTask extends SinkTask {

    private static final Logger log = LoggerFactory.getLogger(BatchSinkTask.class);
    private static final long RETRY_MS = 3_000;

    private final Clock clock;
    private final JsonConverter json = new JsonConverter();
    /** Of each partition, the offset after the last record that was taken over. */
    private final Map<TopicPartition, Long> next = new HashMap<>();
    private final Map<TopicPartition, Batch> open = new HashMap<>();
    /** Partitions that go on elsewhere with the next records, not with those at hand. */
    private final Set<TopicPartition> rewound = new HashSet<>();
    private BatchStore store;
    private BatchKeys keys;
    private int mostRecords;
    private long mostMilliseconds;
    private ErrantRecordReporter reporter;

    /** For Connect. */
    public BatchSinkTask() {
        this(null, Clock.systemUTC());
    }

    BatchSinkTask(BatchStore store, Clock clock) {
        this.store = store;
        this.clock = clock;
    }

    @Override
    public void start(Map<String, String> properties) {
        BatchSinkConfig config = new BatchSinkConfig(properties);
        keys = new BatchKeys(config.getString(BatchSinkConfig.FOLDER));
        mostRecords = config.getInt(BatchSinkConfig.RECORDS);
        mostMilliseconds = config.getLong(BatchSinkConfig.MILLISECONDS);
        json.configure(Map.of("schemas.enable", "false"), false);
        reporter = context.errantRecordReporter();
        if (store == null) {
            store = new S3BatchStore(config);
        }
    }

    @Override
    public void open(Collection<TopicPartition> partitions) {
        partitions.forEach(this::resume);
    }

    /** Goes on after what the bucket holds; before the first batch, where Kafka says. */
    private void resume(TopicPartition tp) {
        open.remove(tp);
        next.remove(tp);
        keys.last(store, tp).ifPresent(key -> {
            long offset = Batch.lastOffset(key, store.get(key)) + 1;
            next.put(tp, offset);
            context.offset(tp, offset);
            log.info("{} goes on at offset {}, after {}", tp, offset, key);
        });
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        // Connect calls again, without records too, after this time.
        context.timeout(Math.min(mostMilliseconds, RETRY_MS));
        rewound.clear();
        writeFull();
        for (SinkRecord record : records) {
            TopicPartition tp = new TopicPartition(record.originalTopic(), record.originalKafkaPartition());
            // After a failed write Connect hands over the same records once more.
            boolean known = record.originalKafkaOffset() < next.getOrDefault(tp, 0L);
            if (!known && !rewound.contains(tp)) {
                take(tp, record);
            }
        }
    }

    private void take(TopicPartition tp, SinkRecord record) {
        long offset = record.originalKafkaOffset();
        if (record.value() == null) {
            reject(record, new DataException("the record has no value"));
        } else {
            byte[] value = json.fromConnectData(tp.topic(), record.valueSchema(), record.value());
            open.computeIfAbsent(tp, ignored -> new Batch(offset, clock.millis())).add(offset, value);
        }
        next.put(tp, offset + 1);
        writeIfFull(tp);
    }

    private void reject(SinkRecord record, DataException error) {
        if (reporter == null) {
            throw error;
        }
        reporter.report(record, error);
    }

    private void writeFull() {
        // A copy, as what is written is removed.
        Map.copyOf(open).keySet().forEach(this::writeIfFull);
    }

    private void writeIfFull(TopicPartition tp) {
        Batch batch = open.get(tp);
        if (batch == null || !batch.isFull(mostRecords, clock.millis(), mostMilliseconds)) {
            return;
        }
        String key = keys.key(tp, batch.firstOffset());
        if (store.create(key, batch.content())) {
            open.remove(tp);
        } else {
            // Another task has written it, or this one, and the answer was lost.
            log.warn("{} exists already: going on after it", key);
            resume(tp);
            rewound.add(tp);
        }
    }

    /** Tells Kafka what the bucket holds, for the lag that people look at. */
    @Override
    public Map<TopicPartition, OffsetAndMetadata> preCommit(Map<TopicPartition, OffsetAndMetadata> ignored) {
        Map<TopicPartition, OffsetAndMetadata> written = new HashMap<>();
        next.forEach((tp, offset) -> {
            Batch batch = open.get(tp);
            written.put(tp, new OffsetAndMetadata(batch == null ? offset : batch.firstOffset()));
        });
        return written;
    }

    @Override
    public void close(Collection<TopicPartition> partitions) {
        // What is not written yet is read again by whoever gets the partition.
        partitions.forEach(tp -> {
            open.remove(tp);
            next.remove(tp);
        });
    }

    @Override
    public void stop() {
        json.close();
        if (store != null) {
            store.close();
        }
    }

    @Override
    public String version() {
        return Version.text();
    }
}
