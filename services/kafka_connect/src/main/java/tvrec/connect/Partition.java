package tvrec.connect;

import java.util.OptionalLong;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How far a task has come with a partition that it owns. */
final class Partition {

    private static final Logger log = LoggerFactory.getLogger(Partition.class);

    private final TopicPartition tp;
    /** Where the last batch in the bucket ends. */
    private long end;
    /** The offset after the last record that was taken or skipped. */
    private long next;
    private Batch batch;
    private boolean isNew = true;
    /**
     * Whether the records at hand were read from elsewhere than the position: it was set in
     * this delivery, and takes effect only after it.
     */
    private boolean isStale;
    /**
     * Whether records were taken in this delivery. It ends only when {@code put} returns: if
     * that throws, Connect hands over the same records once more.
     */
    private boolean isTried;

    Partition(TopicPartition tp) {
        this.tp = tp;
    }

    TopicPartition tp() {
        return tp;
    }

    /** Returns the batch that is being filled or is to be written, or null. */
    Batch batch() {
        return batch;
    }

    /** Tells whether it is not known yet where to go on. */
    boolean isNew() {
        return isNew;
    }

    /** Goes on where the bucket's last batch ends, with the next delivery. */
    void resume(long offset) {
        end = offset;
        next = offset;
        isStale = true;
        isNew = false;
    }

    /** Goes on with the records at hand: the bucket has no batch. */
    void resumeEmpty() {
        isNew = false;
    }

    /** Forgets everything but the delivery. */
    void restart() {
        drop();
        end = 0;
        next = 0;
        isNew = true;
    }

    /**
     * Tells whether a record at hand is to be taken.
     *
     * @throws ConnectException if the bucket has another record of that offset
     */
    boolean expects(long offset) {
        if (isStale || (isTried && offset < next)) {
            return false;
        }
        if (offset < next) {
            throw new ConnectException(
                    tp + ": Kafka hands over offset " + offset + ", but the sink has come to offset"
                            + " " + next + " already. The topic was deleted and created anew, or"
                            + " it lost records. Nothing was skipped. To write its new records,"
                            + " choose another topics.folder or move the partition's old batches"
                            + " out of it, and restart the task.");
        }
        if (batch == null && end == next && offset > next + 1) {
            // A gap of one is the rule with transactions.
            log.warn("{} has no records from {} to {}: deleted, compacted or not converted",
                    tp, next, offset - 1);
        }
        return true;
    }

    void add(long offset, byte[] value, long now) {
        if (batch == null) {
            // Not always this record's offset: two tasks that find different records gone
            // before it must still choose the same key.
            batch = new Batch(end, now);
        }
        batch.add(offset, value);
        skip(offset);
    }

    /** Goes past a record that is not to be written. */
    void skip(long offset) {
        next = offset + 1;
        isTried = true;
    }

    /** Ends the batch: it is in the bucket. */
    void written() {
        end = batch.end();
        drop();
    }

    /** Ends a delivery: what comes next was read from the position. */
    void endDelivery() {
        isStale = false;
        isTried = false;
    }

    /** Returns the offset before which nothing is still to be written, if any. */
    OptionalLong done() {
        if (isNew || next == 0) {
            return OptionalLong.empty();
        }
        return OptionalLong.of(batch == null ? next : batch.first());
    }

    private void drop() {
        if (batch != null) {
            batch.close();
            batch = null;
        }
    }
}
