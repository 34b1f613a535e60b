package tvrec.connect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;
import tvrec.connect.MemoryBatchStore.Fate;

/**
 * Random schedules of everything that goes wrong: a bucket that is down or loses answers,
 * crashes, rebalances, zombies that write on, one task's requests between those of another.
 * Whatever the schedule, each record is in exactly one batch, in order.
 *
 * <p>{@code -Dschedules=…} runs another number of them, {@code -Dschedule=…} one alone.
 */
class SimulationTest {

    private static final int SCHEDULES = Integer.getInteger("schedules", 2_000);

    @Test
    void eachRecordIsInExactlyOneBatch() {
        Integer only = Integer.getInteger("schedule");
        int zombies = 0;
        int batches = 0;
        int first = only == null ? 0 : only;
        int last = only == null ? SCHEDULES - 1 : only;
        for (int seed = first; seed <= last; seed++) {
            Schedule schedule = new Schedule(seed);
            schedule.run();
            zombies += schedule.zombies.size();
            batches += schedule.store.objects.size();
        }
        if (only == null) {
            assertTrue(zombies > SCHEDULES / 2 && batches > 5 * SCHEDULES, zombies + " " + batches);
        }
    }

    private static final class Schedule {

        private final int seed;
        private final Random random;
        private final MemoryBatchStore store = new MemoryBatchStore();
        private final Map<TopicPartition, NavigableMap<Long, SinkRecord>> log = new HashMap<>();
        private final Map<TopicPartition, Long> ends = new HashMap<>();
        private final Map<TopicPartition, Long> group = new HashMap<>();
        private final Map<TopicPartition, SimulatedWorker> owners = new HashMap<>();
        private final List<SimulatedWorker> workers = new ArrayList<>();
        /** Workers that the group has given up, but that do not know it. */
        private final List<SimulatedWorker> zombies = new ArrayList<>();
        private final Set<SimulatedWorker> busy = new HashSet<>();
        private final Set<SinkRecord> reported = new HashSet<>();
        private final Map<String, String> settings;
        private final boolean isCompacted;
        private final int trouble;
        private long now;

        Schedule(int seed) {
            this.seed = seed;
            random = new Random(seed);
            settings =
                    Map.of(
                            "s3.bucket", "bucket",
                            "batch.records", String.valueOf(random.nextInt(1, 12)),
                            "batch.ms", "100");
            isCompacted = random.nextBoolean();
            trouble = random.nextInt(30);
            for (int n = 0; n < 2; n++) {
                log.put(new TopicPartition("ratings", n), new TreeMap<>());
            }
            store.weather = this::weather;
        }

        void run() {
            workers.add(worker());
            workers.add(worker());
            for (int step = 0; step < 60; step++) {
                step();
            }
            drain();
            check();
        }

        private SimulatedWorker worker() {
            SimulatedWorker[] made = {null};
            made[0] =
                    new SimulatedWorker(
                            store, () -> now, settings, log, group,
                            tp -> owners.get(tp) == made[0], random);
            return made[0];
        }

        private Fate weather() {
            if (random.nextInt(5) == 0) {
                iterateAny();
            }
            int luck = random.nextInt(100);
            if (luck < trouble) {
                return Fate.REFUSED;
            }
            return luck < 2 * trouble ? Fate.ANSWER_LOST : Fate.ANSWERED;
        }

        private void step() {
            now += random.nextInt(60);
            switch (random.nextInt(10)) {
                case 0, 1 -> append();
                case 2 -> compact();
                case 3 -> crash();
                case 4 -> rebalance();
                default -> iterateAny();
            }
        }

        private void append() {
            for (TopicPartition tp : log.keySet()) {
                long offset = ends.getOrDefault(tp, 0L);
                for (int n = random.nextInt(12); n > 0; n--) {
                    // As after a transaction.
                    offset += random.nextInt(8) == 0 ? 1 + random.nextInt(3) : 0;
                    Object value = random.nextInt(10) == 0 ? null : Map.of("n", offset);
                    log.get(tp).put(offset, Records.record(tp, offset, value));
                    offset++;
                }
                ends.put(tp, offset);
            }
        }

        private void compact() {
            if (isCompacted && !group.isEmpty()) {
                log.values().forEach(records ->
                        records.keySet().removeIf(offset -> random.nextInt(20) == 0));
            }
        }

        private void iterateAny() {
            List<SimulatedWorker> all = new ArrayList<>(workers);
            all.addAll(zombies);
            all.removeAll(busy);
            if (!all.isEmpty()) {
                iterate(all.get(random.nextInt(all.size())), () -> {});
            }
        }

        private void iterate(SimulatedWorker worker, Runnable rebalance) {
            busy.add(worker);
            worker.iterate(rebalance);
            busy.remove(worker);
        }

        private void crash() {
            int place = random.nextInt(workers.size());
            SimulatedWorker old = workers.get(place);
            if (busy.contains(old)) {
                return;
            }
            workers.set(place, worker());
            reported.addAll(old.reported());
            List<TopicPartition> left =
                    owners.keySet().stream().filter(tp -> owners.get(tp) == old).toList();
            left.forEach(owners::remove);
            if (random.nextBoolean()) {
                // Not dead, only slow: the group gives its partitions to others.
                zombies.add(old);
                rebalance();
            }
        }

        /** Deals the partitions anew, eagerly or only those that move. */
        private void rebalance() {
            boolean isEager = random.nextBoolean();
            Map<TopicPartition, SimulatedWorker> dealt = new HashMap<>();
            log.keySet().forEach(tp -> dealt.put(tp, workers.get(random.nextInt(workers.size()))));
            for (SimulatedWorker worker : workers) {
                iterate(worker, () -> {
                    List<TopicPartition> revoked =
                            worker.assignment().stream()
                                    .filter(tp -> isEager || dealt.get(tp) != worker)
                                    .toList();
                    boolean isLost = random.nextInt(4) == 0;
                    worker.revoke(revoked, isLost);
                    revoked.forEach(tp -> owners.remove(tp, worker));
                    if (isEager) {
                        take(worker, dealt);
                    }
                });
            }
            if (!isEager) {
                workers.forEach(worker -> iterate(worker, () -> take(worker, dealt)));
            }
        }

        private void take(SimulatedWorker worker, Map<TopicPartition, SimulatedWorker> dealt) {
            List<TopicPartition> assigned =
                    dealt.keySet().stream()
                            .filter(tp -> dealt.get(tp) == worker)
                            .filter(tp -> !worker.assignment().contains(tp))
                            .toList();
            assigned.forEach(tp -> owners.put(tp, worker));
            worker.assign(assigned);
        }

        /** All is well again; the zombies still write for a while. */
        private void drain() {
            store.weather = () -> Fate.ANSWERED;
            rebalance();
            for (int n = 0; n < 40; n++) {
                now += 60;
                workers.forEach(worker -> iterate(worker, () -> {}));
                if (n < 10) {
                    zombies.forEach(zombie -> iterate(zombie, () -> {}));
                }
            }
            workers.forEach(worker -> reported.addAll(worker.reported()));
            zombies.forEach(zombie -> reported.addAll(zombie.reported()));
        }

        private void check() {
            for (TopicPartition tp : log.keySet()) {
                List<Long> written = Records.offsets(store, tp);
                String what = "schedule " + seed + ", " + tp + ": ";
                assertEquals(
                        written.stream().distinct().sorted().toList(), written, what + "the order");
                List<Long> there = new ArrayList<>();
                for (SinkRecord record : log.get(tp).values()) {
                    if (record.value() == null) {
                        assertTrue(reported.contains(record), what + record + " was not reported");
                    } else {
                        there.add(record.kafkaOffset());
                    }
                }
                if (isCompacted) {
                    // Those that are gone may have been written before.
                    written = written.stream().filter(there::contains).toList();
                }
                assertEquals(there, written, what + "the records");
            }
        }
    }
}
