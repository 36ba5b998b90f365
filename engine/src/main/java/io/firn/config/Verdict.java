package io.firn.config;

import java.lang.foreign.MemorySegment;

/** What becomes of an entry that a {@link CompactionFilter} was asked about. */
public sealed interface Verdict {
    /** It stays as it is. */
    Verdict KEEP = new Keep();

    /** It is removed, as by {@code remove}. */
    Verdict REMOVE = new Remove();

    /** It is removed, as by {@code removeWeak}: only for keys that are put at most once. */
    Verdict REMOVE_WEAK = new RemoveWeak();

    /** It vanishes without a tombstone: an older version of its key that is not merged may come back. */
    Verdict DESTROY = new Destroy();

    /** Its value is another one from now on; a copy of this one, which must be no view of the entry. */
    static Verdict replaceValue(MemorySegment value) {
        return new ReplaceValue(value);
    }

    /** See {@link #KEEP}. */
    record Keep() implements Verdict {}

    /** See {@link #REMOVE}. */
    record Remove() implements Verdict {}

    /** See {@link #REMOVE_WEAK}. */
    record RemoveWeak() implements Verdict {}

    /** See {@link #DESTROY}. */
    record Destroy() implements Verdict {}

    /** See {@link #replaceValue}. */
    record ReplaceValue(MemorySegment value) implements Verdict {}
}
