package io.firn.version;

import io.firn.entry.EntryCursor;
import io.firn.entry.ReadCounts;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.table.Caching;
import io.firn.table.TableCursor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A position in those tables of a run that may hold keys of a range, as if they were one: one table is open at a time,
 * when a move comes to it. It may be opened over one run after the other, with the same memory.
 *
 * <p>Invariants: while it is on an entry, so is the cursor of the table.
 *
 * <p>Threads: one at a time. Closed by: its opener; the run outlives it.
 */
public final class RunCursor implements EntryCursor {
    private static final int NO_TABLE = -1;

    private enum State {
        UNMOVED,
        BEFORE_START,
        ON_ENTRY,
        PAST_END
    }

    private final TableCursor entries;

    private @Nullable Run run;
    private int begin;
    private int end;
    private int open = NO_TABLE;
    private State state = State.UNMOVED;

    /** A cursor over nothing, until it is opened; it may be handed from thread to thread. */
    public RunCursor(MemoryBudget budget, Caching caching) {
        this(new TableCursor(budget, caching));
    }

    private RunCursor(TableCursor entries) {
        this.entries = entries;
    }

    /** The same of the calling thread alone, which also closes it; it leaves the cache alone. */
    public static RunCursor confined(MemoryBudget budget) {
        return new RunCursor(TableCursor.confined(budget));
    }

    /** Uses the cache in another way from the next move on. REQUIRES: neither way is to bypass it. */
    public void use(Caching caching) {
        entries.use(caching);
    }

    /** From now on blocks are counted there; until this is called nowhere. */
    public void countIn(ReadCounts counts) {
        entries.countIn(counts);
    }

    /** Begins anew over a whole run, before any move. */
    public void open(Run newRun) {
        leave();
        run = newRun;
        end = newRun.tableCount();
    }

    /** Leaves out the tables that end before the key. REQUIRES: no move yet. */
    public void from(MemorySegment key, long keyOffset, int keyLength) {
        begin = Math.min(end, run.firstEndingAtOrAfter(key, keyOffset, keyLength));
    }

    /** Leaves out the tables that begin at or after the key. REQUIRES: no move yet. */
    public void until(MemorySegment key, long keyOffset, int keyLength) {
        end = Math.max(begin, run.firstBeginningAtOrAfter(key, keyOffset, keyLength));
    }

    /** Whether a table is left. */
    public boolean hasTables() {
        return begin < end;
    }

    /** Lets go of the run. */
    public void leave() {
        state = State.UNMOVED;
        run = null;
        begin = 0;
        end = 0;
        open = NO_TABLE;
        entries.leave();
    }

    @Override
    public boolean first() {
        state = State.UNMOVED;
        return begin < end ? arriveForward(openTable(begin).first()) : leaveTo(State.PAST_END);
    }

    @Override
    public boolean last() {
        state = State.UNMOVED;
        return begin < end ? arriveBackward(openTable(end - 1).last()) : leaveTo(State.BEFORE_START);
    }

    @Override
    public boolean next() {
        return switch (state) {
            case ON_ENTRY -> {
                state = State.UNMOVED;
                yield arriveForward(entries.next());
            }
            case UNMOVED, BEFORE_START -> first();
            case PAST_END -> false;
        };
    }

    @Override
    public boolean previous() {
        return switch (state) {
            case ON_ENTRY -> {
                state = State.UNMOVED;
                yield arriveBackward(entries.previous());
            }
            case UNMOVED, PAST_END -> last();
            case BEFORE_START -> false;
        };
    }

    @Override
    public boolean seek(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        state = State.UNMOVED;
        int table = Math.max(begin, run.firstEndingAtOrAfter(key, keyOffset, keyLength));
        return table < end
                ? arriveForward(openTable(table).seek(key, keyOffset, keyLength, trailer))
                : leaveTo(State.PAST_END);
    }

    @Override
    public boolean seekForPrevious(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        state = State.UNMOVED;
        int table = Math.min(end - 1, run.firstEndingAtOrAfter(key, keyOffset, keyLength));
        return begin <= table
                ? arriveBackward(openTable(table).seekForPrevious(key, keyOffset, keyLength, trailer))
                : leaveTo(State.BEFORE_START);
    }

    @Override
    public boolean isPositioned() {
        return state == State.ON_ENTRY;
    }

    @Override
    public MemorySegment keySegment() {
        return entries.keySegment();
    }

    @Override
    public long keyOffset() {
        return entries.keyOffset();
    }

    @Override
    public int keyLength() {
        return entries.keyLength();
    }

    @Override
    public long trailer() {
        return entries.trailer();
    }

    @Override
    public MemorySegment valueSegment() {
        return entries.valueSegment();
    }

    @Override
    public long valueOffset() {
        return entries.valueOffset();
    }

    @Override
    public int valueLength() {
        return entries.valueLength();
    }

    @Override
    public boolean isValueSteady() {
        return entries.isValueSteady();
    }

    @Override
    public void close() {
        leave();
        entries.close();
    }

    private TableCursor openTable(int table) {
        if (open != table) {
            open = NO_TABLE;
            entries.open(run.table(table));
            open = table;
        }
        return entries;
    }

    private boolean arriveForward(boolean isThere) {
        return isThere ? arrive() : nextTable();
    }

    private boolean arriveBackward(boolean isThere) {
        return isThere ? arrive() : previousTable();
    }

    private boolean arrive() {
        state = State.ON_ENTRY;
        return true;
    }

    private boolean nextTable() {
        // No table is empty.
        return open + 1 < end ? openTable(open + 1).first() && arrive() : leaveTo(State.PAST_END);
    }

    private boolean previousTable() {
        return begin < open ? openTable(open - 1).last() && arrive() : leaveTo(State.BEFORE_START);
    }

    private boolean leaveTo(State to) {
        state = to;
        return false;
    }
}
