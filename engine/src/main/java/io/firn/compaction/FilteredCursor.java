package io.firn.compaction;

import io.firn.config.CompactionFilter;
import io.firn.config.FilteredEntry;
import io.firn.config.Verdict;
import io.firn.entry.BlobHandle;
import io.firn.entry.EntryCursor;
import io.firn.entry.EntryLimits;
import io.firn.entry.HeldBlock;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Scratch;
import io.firn.version.BlobSource;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * The entries of a merge as a filter leaves them, from the first to the last.
 *
 * <p>Invariants: (1) the filter is asked about the newest version of a key alone, and only above the newest live snapshot. (2) What
 * it destroys hides the older versions of its key that nobody else sees, as if it were there. (3) The least seqno that it changed
 * something at is known: whoever installs the outcome looks once more whether a snapshot may see that (R12).
 *
 * <p>Threads: one. Closed by: its opener; the source is closed by its own.
 */
final class FilteredCursor implements EntryCursor, FilteredEntry {
    private static final int NO_KEY = -1;

    private final EntryCursor source;
    private final BlobSource blobs;
    private final HeldBlock separated;
    private final CompactionFilter filter;
    private final long newestSnapshot;
    private final boolean isLastLevel;
    private final Scratch keyMemory;
    private final Scratch valueMemory;

    private MemorySegment key = MemorySegment.NULL;
    private int keyLength = NO_KEY;
    private boolean isKeyDestroyed;

    private boolean isPositioned;
    private long trailer;
    private boolean isValueReplaced;
    private boolean isRemoved;
    private int replacedLength;
    private long changedSeqnoMin = Long.MAX_VALUE;

    /** No snapshot that is live now is above {@code newestSnapshot}; -1 if there is none. */
    FilteredCursor(
            EntryCursor source, BlobSource blobs, CompactionFilter filter, long newestSnapshot, boolean isLastLevel,
            MemoryBudget budget) {
        this.source = source;
        this.blobs = blobs;
        separated = HeldBlock.confined(budget);
        this.filter = filter;
        this.newestSnapshot = newestSnapshot;
        this.isLastLevel = isLastLevel;
        keyMemory = Scratch.confined(budget);
        valueMemory = Scratch.confined(budget);
    }

    /** The least seqno of what was changed; Long.MAX_VALUE if nothing was. */
    long changedSeqnoMin() {
        return changedSeqnoMin;
    }

    /** The source has no more entries. */
    void finish() {
        FilterFailedException.guarded(() -> {
            filter.finish();
            return true;
        });
    }

    @Override
    public boolean next() {
        isPositioned = false;
        while (source.next()) {
            boolean isNewKey = !isOfKey();
            if (isNewKey) {
                beginKey();
            }
            trailer = source.trailer();
            isValueReplaced = false;
            isRemoved = false;
            boolean isUnseen = Trailer.seqno(trailer) > newestSnapshot;
            if (isNewKey && isUnseen && !Trailer.isTombstone(trailer)) {
                judge();
            }
            if (!(isKeyDestroyed && isUnseen)) {
                isPositioned = true;
                return true;
            }
        }
        return false;
    }

    private boolean isOfKey() {
        return Bytes.equal(key, 0, keyLength, source.keySegment(), source.keyOffset(), source.keyLength());
    }

    private void beginKey() {
        int length = source.keyLength();
        key = keyMemory.atLeast(length);
        Bytes.copy(source.keySegment(), source.keyOffset(), key, 0, length);
        keyLength = length;
        isKeyDestroyed = false;
    }

    private void judge() {
        Verdict verdict = verdict();
        if (!(verdict instanceof Verdict.Keep)) {
            changedSeqnoMin = Math.min(changedSeqnoMin, Trailer.seqno(trailer));
        }
        switch (verdict) {
            case Verdict.Keep() -> { }
            case Verdict.Remove() -> remove(Trailer.TOMBSTONE);
            case Verdict.RemoveWeak() -> remove(Trailer.WEAK_TOMBSTONE);
            case Verdict.Destroy() -> isKeyDestroyed = true;
            case Verdict.ReplaceValue(MemorySegment value) -> replace(value);
        }
    }

    private Verdict verdict() {
        try {
            Verdict verdict = Objects.requireNonNull(filter.filter(this), "a verdict");
            if (verdict instanceof Verdict.ReplaceValue(MemorySegment value)) {
                EntryLimits.checkValue(value.byteSize());
            }
            return verdict;
        } catch (RuntimeException | AssertionError | StackOverflowError e) {
            throw new FilterFailedException(e);
        }
    }

    private void remove(int type) {
        trailer = Trailer.of(Trailer.seqno(trailer), type);
        isRemoved = true;
    }

    private void replace(MemorySegment value) {
        replacedLength = (int) value.byteSize();
        MemorySegment memory = valueMemory.atLeast(Math.max(1, replacedLength));
        MemorySegment.copy(value, 0, memory, 0, replacedLength);
        trailer = Trailer.of(Trailer.seqno(trailer), Trailer.VALUE);
        isValueReplaced = true;
    }

    // ---- what the filter sees

    @Override
    public MemorySegment key() {
        return key.asSlice(0, keyLength).asReadOnly();
    }

    @Override
    public MemorySegment value() {
        if (Trailer.isSeparated(source.trailer())) {
            blobs.holdOnce(source.valueSegment(), source.valueOffset(), separated);
            return separated.segment().asSlice(separated.at(), separated.length()).asReadOnly();
        }
        return source.valueSegment().asSlice(source.valueOffset(), source.valueLength()).asReadOnly();
    }

    @Override
    public long valueSize() {
        return BlobHandle.valueLength(
                source.trailer(), source.valueSegment(), source.valueOffset(), source.valueLength());
    }

    @Override
    public long seqno() {
        return Trailer.seqno(source.trailer());
    }

    @Override
    public boolean isLastLevel() {
        return isLastLevel;
    }

    // ---- what the merge sees

    @Override
    public boolean isPositioned() {
        return isPositioned;
    }

    @Override
    public MemorySegment keySegment() {
        return source.keySegment();
    }

    @Override
    public long keyOffset() {
        return source.keyOffset();
    }

    @Override
    public int keyLength() {
        return source.keyLength();
    }

    @Override
    public long trailer() {
        return trailer;
    }

    @Override
    public MemorySegment valueSegment() {
        return isValueReplaced ? valueMemory.bytes() : source.valueSegment();
    }

    @Override
    public long valueOffset() {
        return isValueReplaced || isRemoved ? 0 : source.valueOffset();
    }

    @Override
    public int valueLength() {
        return isRemoved ? 0 : isValueReplaced ? replacedLength : source.valueLength();
    }

    @Override
    public void close() {
        keyMemory.close();
        valueMemory.close();
        separated.close();
    }

    // ---- a merge goes forward alone

    @Override
    public boolean first() {
        throw onlyForward();
    }

    @Override
    public boolean last() {
        throw onlyForward();
    }

    @Override
    public boolean previous() {
        throw onlyForward();
    }

    @Override
    public boolean seek(MemorySegment soughtKey, long soughtOffset, int soughtLength, long soughtTrailer) {
        throw onlyForward();
    }

    @Override
    public boolean seekForPrevious(MemorySegment soughtKey, long soughtOffset, int soughtLength, long soughtTrailer) {
        throw onlyForward();
    }

    private static AssertionError onlyForward() {
        return new AssertionError("what is filtered is walked through once, forward");
    }
}
