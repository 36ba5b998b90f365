package io.firn.compaction;

import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Layouts;
import io.firn.merge.Retention;
import io.firn.version.Levels;
import io.firn.version.TableRecord;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Whether a key may have entries older than those that are merged, outside of them: by the spans of the tables in and below the
 * newest run of the inputs. What is missing there when the merge begins cannot come there later, since data only moves down.
 *
 * <p>Threads: one. Closed by: its opener.
 */
final class OlderTables implements Retention.Below, AutoCloseable {
    /** The spans' ends lie in native memory, as the keys that are compared with them do. */
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment[][] firstKeys;
    private final MemorySegment[][] lastKeys;

    /** Of each run the first table that does not end before the last key asked for. */
    private final int[] next;

    OlderTables(Levels levels, Set<Long> inputs) {
        List<List<TableRecord>> runs = new ArrayList<>();
        boolean isBelow = false;
        for (List<List<TableRecord>> level : levels.levels()) {
            for (List<TableRecord> run : level) {
                List<TableRecord> others = run.stream().filter(table -> !inputs.contains(table.id())).toList();
                isBelow |= others.size() < run.size();
                if (isBelow && !others.isEmpty()) {
                    runs.add(others);
                }
            }
        }
        next = new int[runs.size()];
        firstKeys = new MemorySegment[runs.size()][];
        lastKeys = new MemorySegment[runs.size()][];
        for (int run = 0; run < next.length; run++) {
            firstKeys[run] = runs.get(run).stream().map(table -> copy(table.keys().first())).toArray(MemorySegment[]::new);
            lastKeys[run] = runs.get(run).stream().map(table -> copy(table.keys().last())).toArray(MemorySegment[]::new);
        }
    }

    private MemorySegment copy(byte[] key) {
        MemorySegment copy = arena.allocate(key.length, Long.BYTES);
        MemorySegment.copy(key, 0, copy, Layouts.BYTE, 0, key.length);
        return copy;
    }

    @Override
    public boolean mayHold(MemorySegment key, long offset, int length) {
        boolean isInside = false;
        for (int run = 0; run < next.length && !isInside; run++) {
            MemorySegment[] lasts = lastKeys[run];
            int at = next[run];
            while (at < lasts.length && compare(key, offset, length, lasts[at]) > 0) {
                at++;
            }
            next[run] = at;
            isInside = at < lasts.length && compare(key, offset, length, firstKeys[run][at]) >= 0;
        }
        return isInside;
    }

    private static int compare(MemorySegment key, long offset, int length, MemorySegment bound) {
        return Bytes.compare(key, offset, length, bound, 0, (int) bound.byteSize());
    }

    @Override
    public void close() {
        arena.close();
    }
}
