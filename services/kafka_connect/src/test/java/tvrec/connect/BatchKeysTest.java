package tvrec.connect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import java.util.Random;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.DataException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BatchKeysTest {

    private static final TopicPartition TP = Records.TP;
    private static final String FOLDER = "topics/ratings/partition=0/";

    private final BatchKeys keys = new BatchKeys("topics");
    private final MemoryBatchStore store = new MemoryBatchStore();

    @Test
    void aKeyNamesTopicPartitionAndOffset() {
        assertEquals(FOLDER + "ratings+0+00000000000000001200.jsonl.gz", keys.key(TP, 1200));
    }

    @Test
    void anEmptyBucketHasNoLastBatch() {
        store.objects.put(keys.key(new TopicPartition("ratings", 1), 5), new byte[0]);
        store.objects.put(keys.key(new TopicPartition("ratings2", 0), 5), new byte[0]);
        assertEquals(Optional.empty(), keys.last(store, TP));
    }

    @Test
    void theLastOfAnyBatchesIsFoundInFewRequests() {
        Random random = new Random(7);
        for (int round = 0; round < 500; round++) {
            store.objects.clear();
            store.requests = 0;
            long last = -1;
            for (int n = random.nextInt(1, 40); n > 0; n--) {
                long offset = random.nextLong(1L << random.nextInt(1, 59));
                last = Math.max(last, offset);
                store.objects.put(keys.key(TP, offset), new byte[0]);
            }
            // Neighbours in the order of keys.
            for (TopicPartition other : new TopicPartition[] {
                new TopicPartition("ratings", 1),
                new TopicPartition("ratings", 10),
                new TopicPartition("rating", 0),
                new TopicPartition("ratings-2", 0)
            }) {
                store.objects.put(keys.key(other, random.nextLong(1L << 58)), new byte[0]);
            }
            assertEquals(Optional.of(keys.key(TP, last)), keys.last(store, TP));
            assertTrue(store.requests <= 62, store.requests + " requests");
        }
    }

    /** Keys of other sinks, whose order is another: bisecting would not end, or end wrongly. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "ratings+0+0000005000.parquet",
                "ratings+0+00000000000000005000.parquet",
                "ratings+0+00000000000000005000.jsonl.gz.tmp",
                "ratings+0+99999999999999999999.jsonl.gz",
                "ratings+0+",
                "ratings+0+last"
            })
    void aForeignLastKeyIsNamed(String name) {
        store.objects.put(keys.key(TP, 0), new byte[0]);
        store.objects.put(FOLDER + name, new byte[0]);
        DataException error = assertThrows(DataException.class, () -> keys.last(store, TP));
        assertTrue(error.getMessage().startsWith(FOLDER + name), error.getMessage());
    }
}
