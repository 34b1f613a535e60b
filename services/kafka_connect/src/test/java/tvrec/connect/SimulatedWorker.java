package tvrec.connect;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * One task as Connect runs it: the order of calls, what is delivered again and when positions
 * take effect are those of {@code WorkerSinkTask} of Kafka 4.3.
 */
final class SimulatedWorker {

    private final Map<TopicPartition, NavigableMap<Long, SinkRecord>> log;
    private final Map<TopicPartition, Long> group;
    private final Predicate<TopicPartition> isMember;
    private final Random random;
    private final FakeContext context = new FakeContext();
    private final BatchSinkTask task;
    private final Map<TopicPartition, Long> positions = new HashMap<>();
    private final Map<TopicPartition, Long> current = new HashMap<>();
    private final Map<TopicPartition, Long> delivered = new HashMap<>();
    private List<SinkRecord> atHand = new ArrayList<>();
    private boolean isPaused;

    SimulatedWorker(
            BatchStore store,
            LongSupplier clock,
            Map<String, String> settings,
            Map<TopicPartition, NavigableMap<Long, SinkRecord>> log,
            Map<TopicPartition, Long> group,
            Predicate<TopicPartition> isMember,
            Random random) {
        this.log = log;
        this.group = group;
        this.isMember = isMember;
        this.random = random;
        task = new BatchSinkTask(store, clock);
        task.initialize(context);
        task.start(settings);
    }

    Set<TopicPartition> assignment() {
        return Set.copyOf(positions.keySet());
    }

    Collection<SinkRecord> reported() {
        return context.reported;
    }

    /** One turn of Connect's loop; the rebalance, if there is one, happens within its poll. */
    void iterate(Runnable rebalance) {
        if (random.nextInt(4) == 0) {
            commit(assignment());
        }
        seek();
        rebalance.run();
        if (!isPaused) {
            poll();
        }
        deliver();
    }

    private void poll() {
        for (Map.Entry<TopicPartition, Long> position : positions.entrySet()) {
            TopicPartition tp = position.getKey();
            for (SinkRecord record : log.get(tp).tailMap(position.getValue()).values()) {
                if (random.nextInt(12) == 0) {
                    break;
                }
                atHand.add(record);
                position.setValue(record.kafkaOffset() + 1);
                delivered.put(tp, record.kafkaOffset() + 1);
            }
        }
    }

    private void deliver() {
        try {
            task.put(new ArrayList<>(atHand));
            current.putAll(delivered);
            delivered.clear();
            atHand.clear();
            isPaused = false;
        } catch (RetriableException error) {
            isPaused = true;
        }
    }

    private void seek() {
        context.offsets.forEach((tp, offset) -> {
            if (!positions.containsKey(tp)) {
                throw new IllegalStateException("a seek of " + tp + ", which is not assigned");
            }
            positions.put(tp, offset);
            current.put(tp, offset);
        });
        context.offsets.clear();
    }

    private void commit(Collection<TopicPartition> partitions) {
        Map<TopicPartition, OffsetAndMetadata> asked = new HashMap<>();
        partitions.forEach(tp -> asked.put(tp, new OffsetAndMetadata(current.get(tp))));
        task.preCommit(asked).forEach((tp, offset) -> {
            // A zombie's commit is refused.
            if (asked.containsKey(tp) && isMember.test(tp) && offset.offset() <= current.get(tp)) {
                group.put(tp, offset.offset());
            }
        });
    }

    void assign(Collection<TopicPartition> partitions) {
        for (TopicPartition tp : partitions) {
            positions.put(tp, group.getOrDefault(tp, 0L));
            current.put(tp, positions.get(tp));
        }
        isPaused = isPaused && !atHand.isEmpty();
        if (!partitions.isEmpty()) {
            task.open(partitions);
            seek();
        }
    }

    void revoke(Collection<TopicPartition> partitions, boolean isLost) {
        if (partitions.isEmpty()) {
            return;
        }
        if (isLost) {
            delivered.keySet().removeAll(partitions);
        } else {
            commit(partitions);
        }
        task.close(partitions);
        Set<TopicPartition> gone = new HashSet<>(partitions);
        positions.keySet().removeAll(gone);
        current.keySet().removeAll(gone);
        atHand.removeIf(r -> gone.contains(new TopicPartition(r.topic(), r.kafkaPartition())));
    }
}
