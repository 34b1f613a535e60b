package tvrec.connect;

import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.connect.errors.RetriableException;

/** A bucket that can be down, lose answers, and let others act between two of its requests. */
final class MemoryBatchStore implements BatchStore {

    /** What happens to a request. */
    enum Fate {
        ANSWERED,
        REFUSED,
        ANSWER_LOST
    }

    /** Decides about each request. It may also run another writer, which then comes first. */
    interface Weather {
        Fate next();
    }

    final TreeMap<String, byte[]> objects = new TreeMap<>();
    Weather weather = () -> Fate.ANSWERED;
    int requests;
    boolean isClosed;

    @Override
    public Optional<String> firstAfter(String prefix, String after) {
        Fate fate = begin();
        String found =
                after.compareTo(prefix) < 0 ? objects.ceilingKey(prefix) : objects.higherKey(after);
        return end(fate, Optional.ofNullable(found).filter(key -> key.startsWith(prefix)));
    }

    @Override
    public byte[] get(String key) {
        Fate fate = begin();
        return end(fate, objects.get(key));
    }

    @Override
    public boolean create(String key, byte[] content) {
        Fate fate = begin();
        return end(fate, objects.putIfAbsent(key, content) == null);
    }

    private Fate begin() {
        requests++;
        Fate fate = weather.next();
        if (fate == Fate.REFUSED) {
            throw new RetriableException("the bucket is down");
        }
        return fate;
    }

    private static <T> T end(Fate fate, T answer) {
        if (fate == Fate.ANSWER_LOST) {
            throw new RetriableException("the answer was lost");
        }
        return answer;
    }

    @Override
    public void close() {
        isClosed = true;
    }
}
