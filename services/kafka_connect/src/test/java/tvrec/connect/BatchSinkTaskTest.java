package tvrec.connect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static tvrec.connect.Records.TP;
import static tvrec.connect.Records.record;
import static tvrec.connect.Records.records;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tvrec.connect.MemoryBatchStore.Fate;

class BatchSinkTaskTest {

    private static final TopicPartition OTHER = new TopicPartition("ratings", 1);
    private static final Map<String, String> SETTINGS =
            Map.of("s3.bucket", "bucket", "batch.records", "10", "batch.ms", "5000");

    private final MemoryBatchStore store = new MemoryBatchStore();
    private final FakeContext context = new FakeContext();
    private long now = 1_000;
    private BatchSinkTask task;

    @BeforeEach
    void start() {
        task = started(context);
    }

    private BatchSinkTask started(FakeContext its) {
        BatchSinkTask made = new BatchSinkTask(store, () -> now);
        made.initialize(its);
        made.start(SETTINGS);
        return made;
    }

    /** Gives a task a partition and lets it look at the bucket. */
    private void open(TopicPartition... partitions) {
        task.open(List.of(partitions));
        task.put(List.of());
    }

    private List<Long> written(TopicPartition tp) {
        return Records.offsets(store, tp);
    }

    private static List<Long> range(long from, long to) {
        return LongStream.range(from, to).boxed().toList();
    }

    private Map<TopicPartition, OffsetAndMetadata> committed() {
        return task.preCommit(Map.of());
    }

    @Test
    void batchesAreWrittenByCount() {
        open(TP);
        task.put(records(TP, 0, 25));
        assertEquals(
                List.of(new BatchKeys("topics").key(TP, 0), new BatchKeys("topics").key(TP, 10)),
                List.copyOf(store.objects.keySet()));
        assertEquals(range(0, 20), written(TP));
        assertEquals(Map.of(TP, new OffsetAndMetadata(20)), committed());
    }

    @Test
    void batchesAreWrittenByAgeWithoutNewRecords() {
        open(TP);
        assertEquals(-1, context.timeout);
        task.put(records(TP, 0, 3));
        assertEquals(5_000, context.timeout);
        now += 2_000;
        task.put(records(TP, 3, 4));
        assertEquals(3_000, context.timeout);
        now += 3_000;
        task.put(List.of());
        assertEquals(range(0, 4), written(TP));
        assertEquals(-1, context.timeout);
    }

    @Test
    void theBucketIsThePositionAndRecordsAtHandAreReadAgain() {
        open(TP);
        task.put(records(TP, 0, 10));
        BatchSinkTask second = started(context);
        second.open(List.of(TP));
        second.put(records(TP, 13, 20));
        assertEquals(Map.of(TP, 10L), context.offsets);
        second.put(records(TP, 10, 20));
        assertEquals(range(0, 20), written(TP));
    }

    @Test
    void aBucketThatIsDownFailsNeitherStartNorRebalance() {
        open(TP);
        task.put(records(TP, 0, 10));
        BatchSinkTask second = started(context);
        store.weather = () -> Fate.REFUSED;
        second.open(List.of(TP));
        List<SinkRecord> batch = records(TP, 7, 12);
        assertThrows(RetriableException.class, () -> second.put(batch));
        assertEquals(3_000, context.timeout);
        assertEquals(Map.of(), second.preCommit(Map.of()));
        store.weather = () -> Fate.ANSWERED;
        second.put(batch);
        assertEquals(Map.of(TP, 10L), context.offsets);
        second.put(records(TP, 10, 20));
        assertEquals(range(0, 20), written(TP));
    }

    @Test
    void recordsThatAreHandedOverAgainAreTakenOnce() {
        open(TP);
        store.weather = () -> Fate.REFUSED;
        List<SinkRecord> batch = records(TP, 0, 15);
        assertThrows(RetriableException.class, () -> task.put(batch));
        assertThrows(RetriableException.class, () -> task.put(batch));
        assertEquals(Map.of(TP, new OffsetAndMetadata(0)), committed());
        store.weather = () -> Fate.ANSWERED;
        task.put(batch);
        task.put(records(TP, 15, 20));
        assertEquals(range(0, 20), written(TP));
    }

    @Test
    void aLostAnswerWritesNothingTwice() {
        open(TP);
        store.weather = () -> Fate.ANSWER_LOST;
        List<SinkRecord> batch = records(TP, 0, 15);
        assertThrows(RetriableException.class, () -> task.put(batch));
        store.weather = () -> Fate.ANSWERED;
        task.put(batch);
        assertEquals(Map.of(TP, 10L), context.offsets);
        task.put(records(TP, 10, 20));
        assertEquals(range(0, 20), written(TP));
    }

    /** Puts a batch into the bucket as another task would. */
    private void writeElsewhere(TopicPartition tp, long from, long to) {
        Batch batch = new Batch(from, 0);
        records(tp, from, to).forEach(r -> batch.add(r.kafkaOffset(), new byte[] {'1'}));
        store.objects.put(new BatchKeys("topics").key(tp, from), batch.content());
    }

    /** Another task's batch is found; then the bucket fails before the position is known. */
    @Test
    void aFailureWhileResumingMakesNoHole() {
        open(TP);
        task.put(records(TP, 0, 5));
        writeElsewhere(TP, 0, 3);
        now += 5_000;
        int[] requests = {0};
        store.weather = () -> requests[0]++ == 0 ? Fate.ANSWERED : Fate.REFUSED;
        List<SinkRecord> atHand = records(TP, 5, 8);
        assertThrows(RetriableException.class, () -> task.put(atHand));
        store.weather = () -> Fate.ANSWERED;
        task.put(atHand);
        assertEquals(Map.of(TP, 3L), context.offsets);
        task.put(records(TP, 3, 13));
        assertEquals(range(0, 13), written(TP));
    }

    /** The position of one partition was set; then another partition's write fails. */
    @Test
    void aRewindOutlivesAPutThatFails() {
        open(TP, OTHER);
        task.put(records(TP, 0, 5));
        writeElsewhere(TP, 0, 3);
        List<SinkRecord> atHand = new ArrayList<>(records(TP, 5, 12));
        atHand.addAll(records(OTHER, 0, 10));
        store.weather = () -> context.offsets.isEmpty() ? Fate.ANSWERED : Fate.REFUSED;
        assertThrows(RetriableException.class, () -> task.put(atHand));
        assertEquals(Map.of(TP, 3L), context.offsets);
        store.weather = () -> Fate.ANSWERED;
        task.put(atHand);
        task.put(records(TP, 3, 13));
        assertEquals(range(0, 13), written(TP));
        assertEquals(range(0, 10), written(OTHER));
    }

    @Test
    void ofTwoTasksWithOnePartitionOneYields() {
        open(TP);
        FakeContext its = new FakeContext();
        BatchSinkTask zombie = started(its);
        zombie.open(List.of(TP));
        zombie.put(List.of());
        task.put(records(TP, 0, 9));
        zombie.put(records(TP, 0, 12));
        task.put(records(TP, 9, 20));
        assertEquals(Map.of(TP, 10L), context.offsets);
        task.put(records(TP, 10, 20));
        assertEquals(range(0, 20), written(TP));
    }

    /** One read a record that is compacted away before the other comes. */
    @Test
    void twoTasksChooseTheSameKeyWhateverRecordsAreGone() {
        open(TP);
        task.put(records(TP, 0, 10));
        BatchSinkTask late = started(new FakeContext());
        late.open(List.of(TP));
        late.put(List.of());
        task.put(records(TP, 10, 20));
        late.put(records(TP, 12, 22));
        assertEquals(range(0, 20), written(TP));
    }

    @Test
    void theFirstBatchStartsAtZeroWhateverKafkaStillHas() {
        open(TP);
        task.put(records(TP, 6, 9));
        assertEquals(Map.of(TP, new OffsetAndMetadata(6)), committed());
        BatchSinkTask late = started(new FakeContext());
        late.open(List.of(TP));
        late.put(records(TP, 8, 9));
        now += 5_000;
        task.put(List.of());
        late.put(List.of());
        assertEquals(List.of(6L, 7L, 8L), written(TP));
    }

    @Test
    void gapsOfOffsetsAreNoMatter() {
        open(TP);
        for (long offset = 0; offset < 60; offset += 3) {
            task.put(List.of(record(TP, offset)));
        }
        assertEquals(LongStream.range(0, 20).mapToObj(n -> 3 * n).toList(), written(TP));
    }

    @Test
    void aTopicMadeAnewFailsTheTaskInsteadOfSkipping() {
        open(TP);
        task.put(records(TP, 0, 10));
        BatchSinkTask second = started(context);
        second.open(List.of(TP));
        second.put(List.of());
        // Offset 10 is out of range, so the consumer starts at the beginning.
        ConnectException error =
                assertThrows(ConnectException.class, () -> second.put(records(TP, 0, 3)));
        assertFalse(error instanceof RetriableException);
        assertTrue(error.getMessage().startsWith("ratings-0: Kafka hands over offset 0"));
        assertEquals(range(0, 10), written(TP));
    }

    @Test
    void anObjectOfAnotherSinkFailsTheTask() {
        store.objects.put("topics/ratings/partition=0/ratings+0+0000000000.parquet", new byte[1]);
        task.open(List.of(TP));
        assertThrows(DataException.class, () -> task.put(List.of()));
    }

    @Test
    void whatCannotBeWrittenIsReported() {
        open(TP);
        SinkRecord tombstone = record(TP, 0, null);
        SinkRecord unknown = record(TP, 1, new Object());
        task.put(List.of(tombstone, unknown));
        assertEquals(List.of(tombstone, unknown), context.reported);
        assertEquals(Map.of(TP, new OffsetAndMetadata(2)), committed());
        task.put(records(TP, 2, 12));
        assertEquals(range(2, 12), written(TP));
    }

    @Test
    void withoutAReporterWhatCannotBeWrittenFailsTheTask() {
        context.reporter = null;
        task = started(context);
        open(TP);
        DataException error =
                assertThrows(DataException.class, () -> task.put(List.of(record(TP, 0, null))));
        assertTrue(error.getMessage().startsWith("ratings-0, offset 0 cannot be written"));
    }

    @Test
    void aReportThatFailsFailsTheTask() {
        context.reporter =
                (record, error) -> CompletableFuture.failedFuture(new IllegalStateException());
        task = started(context);
        open(TP);
        assertThrows(ConnectException.class, () -> task.put(List.of(record(TP, 0, null))));
    }

    @Test
    void aTransformMustNotChangeTopicOrPartition() {
        open(TP);
        for (SinkRecord moved :
                List.of(moved("elsewhere", 0), moved(TP.topic(), 1))) {
            ConnectException error =
                    assertThrows(ConnectException.class, () -> task.put(List.of(moved)));
            assertTrue(error.getMessage().contains("ratings-0, offset 3"), error.getMessage());
        }
    }

    private static SinkRecord moved(String topic, int partition) {
        return new SinkRecord(
                topic, partition, null, null, null, Map.of(), 3, null,
                TimestampType.NO_TIMESTAMP_TYPE, null, TP.topic(), TP.partition(), 3);
    }

    @Test
    void recordsOfAPartitionThatIsNotOwnedAreNotSkipped() {
        open(TP);
        assertThrows(ConnectException.class, () -> task.put(List.of(record(OTHER, 0))));
    }

    @Test
    void aClosedPartitionLeavesItsRecordsToOthers() {
        open(TP);
        task.put(records(TP, 0, 5));
        task.close(List.of(TP));
        assertEquals(Map.of(), committed());
        now += 60_000;
        task.put(List.of());
        assertEquals(List.of(), written(TP));
        open(TP);
        task.put(records(TP, 0, 10));
        assertEquals(range(0, 10), written(TP));
    }

    @Test
    void valuesBecomeJson() {
        open(TP);
        List<SinkRecord> batch = new ArrayList<>(records(TP, 0, 9));
        batch.add(
                new SinkRecord(TP.topic(), 0, null, null, Schema.STRING_SCHEMA, "a\n\"é\"", 9));
        task.put(batch);
        List<String> lines = Records.lines(store.objects.firstEntry().getValue());
        assertEquals("{\"offset\":0,\"value\":{\"n\":0}}", lines.get(0));
        assertEquals("{\"offset\":9,\"value\":\"a\\n\\\"é\\\"\"}", lines.get(9));
    }

    @Test
    void stopClosesTheBucketAndNeedsNoStart() {
        task.stop();
        assertTrue(store.isClosed);
        new BatchSinkTask().stop();
    }
}
