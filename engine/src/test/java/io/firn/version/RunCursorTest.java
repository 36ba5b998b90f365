package io.firn.version;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.firn.config.FilterPolicy;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.sim.SimStorage;
import io.firn.table.Caching;
import io.firn.table.Table;
import io.firn.table.TableSettings;
import io.firn.table.TableSummary;
import io.firn.table.TableWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Several tables as one source, against a list of their entries. */
@Tag("native")
class RunCursorTest {
    private static final int ROUNDS = 60;
    private static final int MOVES = 600;

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private final List<Row> rows = new ArrayList<>();
    private final List<Integer> tableEnds = new ArrayList<>();

    private record Row(byte[] key, long trailer, byte[] value) {
        /** The order against a place between entries. */
        int compareTo(byte[] otherKey, long otherTrailer) {
            int order = Arrays.compareUnsigned(key, otherKey);
            return order != 0 ? order : Long.compareUnsigned(otherTrailer, trailer);
        }
    }

    @Test
    void showsTheEntriesOfItsTablesInOrderBothWays() throws IOException {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        try (Arena arena = Arena.ofConfined(); RunCursor cursor = new RunCursor(budget, Caching.SEEKS)) {
            for (int round = 0; round < ROUNDS; round++) {
                Random random = new Random(seed + round);
                try (SimStorage disk = new SimStorage()) {
                    List<Table> tables = write(disk, random, arena);
                    cursor.open(new Run(tables.stream().map(table -> TableRecord.of(table, 0, List.of())).toList(), tables));
                    int begin = 0;
                    int end = rows.size();
                    if (random.nextInt(3) == 0) {
                        byte[] key = key(random);
                        cursor.from(segment(key, arena), 0, key.length);
                        begin = beginOf(key);
                    }
                    if (random.nextInt(3) == 0) {
                        byte[] key = key(random);
                        cursor.until(segment(key, arena), 0, key.length);
                        end = Math.max(begin, endOf(key));
                    }
                    assertEquals(begin < end, cursor.hasTables());
                    walk(cursor, rows.subList(begin, end), random, arena, "seed " + seed + " round " + round);
                    cursor.leave();
                    assertFalse(cursor.isPositioned());
                    tables.forEach(Table::close);
                    disk.assertNothingOpen();
                }
            }
        }
        assertEquals(0, budget.usedBytes());
    }

    private void walk(RunCursor cursor, List<Row> shown, Random random, Arena arena, String name) {
        // -1 and the size stand before and behind all; -2 for before any move.
        int at = -2;
        int lean = random.nextInt(3);
        for (int move = 0; move < MOVES; move++) {
            byte[] key = key(random);
            long trailer = Trailer.of(random.nextInt(8), random.nextBoolean() ? Trailer.ANY_TYPE : Trailer.VALUE);
            int kind = random.nextInt(8);
            boolean found;
            switch (kind) {
                case 0 -> {
                    found = cursor.first();
                    at = 0;
                }
                case 1 -> {
                    found = cursor.seek(segment(key, arena), 0, key.length, trailer);
                    at = lower(shown, key, trailer);
                }
                case 2 -> {
                    found = cursor.seekForPrevious(segment(key, arena), 0, key.length, trailer);
                    at = upper(shown, key, trailer) - 1;
                }
                case 3 -> {
                    found = cursor.last();
                    at = shown.size() - 1;
                }
                default -> {
                    boolean isForward = lean == 0 || lean == 1 && random.nextBoolean();
                    found = isForward ? cursor.next() : cursor.previous();
                    if (at == -2) {
                        at = isForward ? 0 : shown.size() - 1;
                    } else {
                        at = Math.clamp(at + (isForward ? 1 : -1), -1, shown.size());
                    }
                }
            }
            boolean isThere = 0 <= at && at < shown.size();
            int step = move;
            assertEquals(isThere, found, () -> name + " move " + step + " kind " + kind);
            assertEquals(isThere, cursor.isPositioned());
            if (isThere) {
                Row row = shown.get(at);
                assertArrayEquals(row.key, bytes(cursor.keySegment(), cursor.keyOffset(), cursor.keyLength()),
                        () -> name + " move " + step + " kind " + kind);
                assertEquals(row.trailer, cursor.trailer());
                assertArrayEquals(row.value, bytes(cursor.valueSegment(), cursor.valueOffset(), cursor.valueLength()));
                if (cursor.isValueSteady()) {
                    MemorySegment segment = cursor.valueSegment();
                    long offset = cursor.valueOffset();
                    boolean isBefore = cursor.previous();
                    assertArrayEquals(row.value, bytes(segment, offset, row.value.length), "steady over a step back");
                    at = isBefore ? at - 1 : -1;
                }
            }
        }
    }

    private static int lower(List<Row> shown, byte[] key, long trailer) {
        int at = 0;
        while (at < shown.size() && shown.get(at).compareTo(key, trailer) < 0) {
            at++;
        }
        return at;
    }

    private static int upper(List<Row> shown, byte[] key, long trailer) {
        int at = 0;
        while (at < shown.size() && shown.get(at).compareTo(key, trailer) <= 0) {
            at++;
        }
        return at;
    }

    /** Tables that end before the key are left out. */
    private int beginOf(byte[] key) {
        int begin = 0;
        for (int end : tableEnds) {
            if (Arrays.compareUnsigned(rows.get(end - 1).key, key) >= 0) {
                break;
            }
            begin = end;
        }
        return begin;
    }

    /** Tables that begin at or after the key are left out. */
    private int endOf(byte[] key) {
        int begin = 0;
        for (int end : tableEnds) {
            if (Arrays.compareUnsigned(rows.get(begin).key, key) >= 0) {
                return begin;
            }
            begin = end;
        }
        return begin;
    }

    /** Writes up to six tables of up to forty keys of up to three versions. */
    private List<Table> write(SimStorage disk, Random random, Arena arena) throws IOException {
        rows.clear();
        tableEnds.clear();
        disk.createDirectory(Path.of("/run"));
        List<Table> tables = new ArrayList<>();
        TableSettings settings = new TableSettings(
                random.nextBoolean() ? 128 : 1024, random.nextBoolean() ? 1 : 4, 0,
                random.nextBoolean() ? Codec.NONE : Codec.LZ4, random.nextBoolean() ? Codec.NONE : Codec.LZ4,
                new FilterPolicy.None(), random.nextBoolean(), false);
        int number = 0;
        for (int id = 1; id <= 1 + random.nextInt(6); id++) {
            Path path = Path.of("/run/" + id);
            try (TableWriter writer = new TableWriter(disk.create(path), path, id, settings, budget)) {
                for (int keys = 1 + random.nextInt(40); keys > 0; keys--) {
                    number += 1 + random.nextInt(3);
                    for (int seqno = 6; seqno > 0; seqno -= 1 + random.nextInt(6)) {
                        byte[] value = new byte[random.nextInt(40)];
                        random.nextBytes(value);
                        Row row = new Row(key(number), Trailer.of(seqno, Trailer.VALUE), value);
                        rows.add(row);
                        writer.add(segment(row.key, arena), 0, row.key.length, row.trailer,
                                segment(value, arena), 0, value.length);
                    }
                }
                TableSummary summary = writer.finish();
                tables.add(Table.open(disk, path, id, summary.fileBytes(), budget));
                tableEnds.add(rows.size());
            }
        }
        return tables;
    }

    private static byte[] key(Random random) {
        return key(random.nextInt(250));
    }

    private static byte[] key(int number) {
        return new byte[] {'k', (byte) (number >> 4), (byte) (number << 4), 'y'};
    }

    private static MemorySegment segment(byte[] bytes, Arena arena) {
        return arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
    }

    private static byte[] bytes(MemorySegment segment, long offset, int length) {
        return segment.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
    }
}
