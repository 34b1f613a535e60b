package tvrec.connect;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
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
 * last record of its last batch, whatever Kafka has as the group's offset. A batch's key names
 * the offset at which the batch before it ends, and a batch is created, never overwritten. So
 * of two tasks that both believe they own a partition one fails to create, and looks at the
 * bucket again: the batches form one chain, whoever writes them.
 */
public final class BatchSinkTask extends SinkTask {

    private static final Logger log = LoggerFactory.getLogger(BatchSinkTask.class);
    private static final long RETRY_MS = 3_000;

    private final LongSupplier milliseconds;
    private final JsonConverter json = new JsonConverter();
    private final Map<TopicPartition, Partition> owned = new HashMap<>();
    private BatchStore store;
    private BatchKeys keys;
    private int mostRecords;
    private long mostMilliseconds;
    private ErrantRecordReporter reporter;

    /** For Connect. */
    public BatchSinkTask() {
        this(null, () -> System.nanoTime() / 1_000_000);
    }

    /** With a store, and a clock that never goes back. */
    BatchSinkTask(BatchStore store, LongSupplier milliseconds) {
        this.store = store;
        this.milliseconds = milliseconds;
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

    /**
     * Takes partitions over; the bucket is looked at in {@link #put}. Connect fails a task
     * for good that throws here, even a {@code RetriableException}.
     */
    @Override
    public void open(Collection<TopicPartition> partitions) {
        partitions.forEach(tp -> owned.put(tp, new Partition(tp)));
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        // Connect calls again after this time: with the same records, if this call throws.
        context.timeout(RETRY_MS);
        for (Partition partition : owned.values()) {
            if (partition.isNew()) {
                resume(partition);
            }
            writeIfFull(partition);
        }
        for (SinkRecord record : records) {
            Partition partition = partitionOf(record);
            if (partition.expects(record.originalKafkaOffset())) {
                take(partition, record);
                writeIfFull(partition);
            }
        }
        owned.values().forEach(Partition::endDelivery);
        wakeForOldBatches();
    }

    private Partition partitionOf(SinkRecord record) {
        TopicPartition tp =
                new TopicPartition(record.originalTopic(), record.originalKafkaPartition());
        if (!tp.topic().equals(record.topic())
                || !Integer.valueOf(tp.partition()).equals(record.kafkaPartition())) {
            // Connect would not find the records of a partition that it takes away.
            throw new ConnectException(
                    "a transform changed the topic or the partition of " + place(record)
                            + ": remove it, batches lie where Kafka has the records");
        }
        Partition partition = owned.get(tp);
        if (partition == null) {
            throw new ConnectException(place(record) + " came before its partition was opened");
        }
        return partition;
    }

    /** Goes on after what the bucket holds; before the first batch, where Kafka says. */
    private void resume(Partition partition) {
        TopicPartition tp = partition.tp();
        keys.last(store, tp).ifPresentOrElse(
                key -> {
                    long end = Batch.lastOffset(key, store.get(key)) + 1;
                    partition.resume(end);
                    context.offset(tp, end);
                    log.info("{} goes on at offset {}, after {}", tp, end, key);
                },
                partition::resumeEmpty);
    }

    private void take(Partition partition, SinkRecord record) {
        long offset = record.originalKafkaOffset();
        byte[] value;
        try {
            value = value(record);
        } catch (DataException error) {
            reject(record, error);
            partition.skip(offset);
            return;
        }
        partition.add(offset, value, milliseconds.getAsLong());
    }

    private byte[] value(SinkRecord record) {
        if (record.value() == null) {
            throw new DataException("the record has no value");
        }
        return json.fromConnectData(record.topic(), record.valueSchema(), record.value());
    }

    /** Waits for the report, as the bucket's position may go past the record right after. */
    private void reject(SinkRecord record, DataException error) {
        if (reporter == null) {
            throw new DataException(
                    place(record) + " cannot be written: " + error.getMessage()
                            + "; with errors.tolerance=all and errors.deadletterqueue.topic.name"
                            + " it would be put there",
                    error);
        }
        try {
            reporter.report(record, error).get();
        } catch (ExecutionException failure) {
            throw new ConnectException(place(record) + " cannot be reported", failure);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new ConnectException("interrupted", interrupted);
        }
    }

    private static String place(SinkRecord record) {
        return "%s-%d, offset %d"
                .formatted(
                        record.originalTopic(),
                        record.originalKafkaPartition(),
                        record.originalKafkaOffset());
    }

    private void writeIfFull(Partition partition) {
        Batch batch = partition.batch();
        if (batch == null
                || !batch.isFull(mostRecords, milliseconds.getAsLong(), mostMilliseconds)) {
            return;
        }
        String key = keys.key(partition.tp(), batch.start());
        if (store.create(key, batch.content())) {
            partition.written();
        } else {
            // Another task has written it, or this one, and the answer was lost.
            log.warn("{} exists already: going on after it", key);
            partition.restart();
            resume(partition);
        }
    }

    private void wakeForOldBatches() {
        long now = milliseconds.getAsLong();
        // Not to be woken is -1.
        context.timeout(
                owned.values().stream()
                        .filter(partition -> partition.batch() != null)
                        .mapToLong(partition -> partition.batch().age(now))
                        .map(age -> Math.max(1, mostMilliseconds - age))
                        .min()
                        .orElse(-1));
    }

    /** Tells Kafka what the bucket holds, for the lag that people look at. */
    @Override
    public Map<TopicPartition, OffsetAndMetadata> preCommit(
            Map<TopicPartition, OffsetAndMetadata> ignored) {
        Map<TopicPartition, OffsetAndMetadata> done = new HashMap<>();
        owned.forEach((tp, partition) ->
                partition.done().ifPresent(offset -> done.put(tp, new OffsetAndMetadata(offset))));
        return done;
    }

    /** Drops what is not written yet: whoever gets the partition reads it again. */
    @Override
    public void close(Collection<TopicPartition> partitions) {
        for (TopicPartition tp : partitions) {
            Partition partition = owned.remove(tp);
            if (partition != null) {
                partition.restart();
            }
        }
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
