package tvrec.connect;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.DataException;

/**
 * The keys of batches: {@code topics/ratings/partition=0/ratings+0+00000000000000001200.jsonl.gz}
 * is the batch that starts at offset 1200, where the one before it ends; the first starts at 0.
 * Its first record has that offset, or a later one if Kafka has none of that offset. Offsets are
 * padded, so that the order of keys is the order of offsets.
 */
final class BatchKeys {

    private static final String FORMAT = "%020d";
    private static final String SUFFIX = ".jsonl.gz";
    /** More than any partition will have. */
    private static final long MOST = 1_000_000_000_000_000_000L;
    private static final Pattern REST = Pattern.compile("00(\\d{18})" + Pattern.quote(SUFFIX));

    private final String folder;

    BatchKeys(String folder) {
        this.folder = folder;
    }

    String prefix(TopicPartition tp) {
        return "%s/%s/partition=%d/%s+%d+"
                .formatted(folder, tp.topic(), tp.partition(), tp.topic(), tp.partition());
    }

    String key(TopicPartition tp, long offset) {
        return prefix(tp) + FORMAT.formatted(offset) + SUFFIX;
    }

    /**
     * Returns the key of a partition's last batch.
     *
     * <p>S3 lists upwards only, a thousand keys a request. Bisecting the offsets takes one
     * small request a bit instead, however many batches there are.
     *
     * @throws DataException if it meets a key that is not one of this sink's
     */
    Optional<String> last(BatchStore store, TopicPartition tp) {
        String prefix = prefix(tp);
        Optional<String> last = store.firstAfter(prefix, "");
        if (last.isEmpty()) {
            return last;
        }
        long low = offset(prefix, last.get());
        long high = MOST;
        // There is a batch at low, and none from high on.
        while (high - low > 1) {
            long middle = low + (high - low) / 2;
            Optional<String> found = store.firstAfter(prefix, prefix + FORMAT.formatted(middle));
            if (found.isPresent()) {
                last = found;
                low = offset(prefix, found.get());
            } else {
                high = middle;
            }
        }
        return last;
    }

    private static long offset(String prefix, String key) {
        Matcher rest = REST.matcher(key.substring(prefix.length()));
        if (!rest.matches()) {
            // Another sink's: its order of keys is not ours, so the last cannot be told.
            throw new DataException(
                    key + " is no batch of this sink: move it away and restart the task,"
                            + " or choose another topics.folder");
        }
        return Long.parseLong(rest.group(1));
    }
}
