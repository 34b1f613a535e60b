package tvrec.connect;

import java.util.Optional;

/** Immutable objects by key. A failure is a {@code RetriableException}. */
interface BatchStore extends AutoCloseable {

    /** Returns the first key under a prefix that sorts after {@code after}. */
    Optional<String> firstAfter(String prefix, String after);

    /** Returns the content of an object that exists. */
    byte[] get(String key);

    /** Creates an object; returns false, and changes nothing, if there is one already. */
    boolean create(String key, byte[] content);

    @Override
    void close();
}
