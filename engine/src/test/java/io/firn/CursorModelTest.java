package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.config.OpenMode;
import io.firn.ffm.sim.SimStorage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Cursors, snapshots and every read against sorted maps, while writes go on and memtables so small that they rotate all
 * the time are sealed and flushed.
 */
class CursorModelTest {
    private static final int ROUNDS = Integer.getInteger("rounds", 8);
    private static final int STEPS = 2000;
    private static final int CURSORS_MAX = 6;
    private static final int SNAPSHOTS_MAX = 4;

    /** Where a cursor should be, in what is left of its range. */
    static final class Model {
        private enum Place { UNMOVED, ON_ENTRY, IN_GAP, BEFORE_START, PAST_END }

        private NavigableMap<byte[], byte[]> left;
        private Place place = Place.UNMOVED;
        byte @Nullable [] at;
        byte @Nullable [] value;

        Model(NavigableMap<byte[], byte[]> left) {
            this.left = left;
        }

        private boolean stand(Map.@Nullable Entry<byte[], byte[]> entry, Place otherwise) {
            place = entry == null ? otherwise : Place.ON_ENTRY;
            at = entry == null ? null : entry.getKey();
            value = entry == null ? null : entry.getValue();
            return entry != null;
        }

        boolean move(int move, byte[] key) {
            return switch (move) {
                case 0 -> stand(left.firstEntry(), Place.PAST_END);
                case 1 -> stand(left.lastEntry(), Place.BEFORE_START);
                case 2 -> stand(left.ceilingEntry(key), Place.PAST_END);
                case 3 -> stand(left.floorEntry(key), Place.BEFORE_START);
                case 4 -> {
                    value = left.get(key);
                    at = key;
                    place = value == null ? Place.IN_GAP : Place.ON_ENTRY;
                    yield value != null;
                }
                case 5 -> {
                    Map.Entry<byte[], byte[]> first = left.firstEntry();
                    left = first == null ? none() : left.tailMap(first.getKey(), false);
                    yield stand(first, Place.PAST_END);
                }
                case 6 -> {
                    Map.Entry<byte[], byte[]> last = left.lastEntry();
                    left = last == null ? none() : left.headMap(last.getKey(), false);
                    yield stand(last, Place.BEFORE_START);
                }
                case 7 -> switch (place) {
                    case UNMOVED, BEFORE_START -> stand(left.firstEntry(), Place.PAST_END);
                    case ON_ENTRY, IN_GAP -> stand(left.higherEntry(at), Place.PAST_END);
                    case PAST_END -> false;
                };
                default -> switch (place) {
                    case UNMOVED, PAST_END -> stand(left.lastEntry(), Place.BEFORE_START);
                    case ON_ENTRY, IN_GAP -> stand(left.lowerEntry(at), Place.BEFORE_START);
                    case BEFORE_START -> false;
                };
            };
        }
    }

    private record Opened(Cursor cursor, Model model, long seqno) {}

    private record Held(Snapshot snapshot, NavigableMap<byte[], byte[]> entries) {}

    private final List<Opened> opened = new ArrayList<>();
    private final List<Held> held = new ArrayList<>();
    private NavigableMap<byte[], byte[]> current = none();

    private Random random = new Random();
    private int keys;

    @Test
    void answersAsSortedMapsDo() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        for (int round = 0; round < ROUNDS; round++) {
            random = new Random(seed + round);
            try (Arena arena = Arena.ofConfined()) {
                run(arena);
            } catch (Throwable t) {
                throw new AssertionError("seed " + seed + " round " + round, t);
            }
        }
    }

    private void run(Arena arena) {
        current = none();
        keys = random.nextBoolean() ? 12 : 400;
        try (SimStorage disk = new SimStorage()) {
            try (TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE)) {
                Keyspace keyspace = tiny.database.keyspace("a", TinyDatabase.options(random));
                tiny.database.keyspace("beside").put(new byte[] {1}, new byte[] {1});
                for (int step = 0; step < STEPS; step++) {
                    step(tiny, keyspace, arena);
                }
                check(keyspace, current, arena);
                held.forEach(each -> each.snapshot.close());
                held.clear();
                opened.forEach(each -> each.cursor.close());
                opened.clear();
            }
            try (TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.RECOVER)) {
                check(tiny.keyspace("a"), current, arena);
            }
            disk.assertNothingOpen();
        }
    }

    private void step(TinyDatabase tiny, Keyspace keyspace, Arena arena) {
        switch (random.nextInt(24)) {
            case 0 -> {
                if (random.nextInt(4) == 0) {
                    keyspace.rotateMemtable();
                }
            }
            case 1 -> {
                if (random.nextInt(10) == 0) {
                    keyspace.rotateMemtableAndWait();
                }
            }
            case 2 -> {
                if (held.size() < SNAPSHOTS_MAX) {
                    held.add(new Held(tiny.database.snapshot(), copy(current)));
                } else {
                    held.remove(random.nextInt(held.size())).snapshot.close();
                }
            }
            case 3 -> open(keyspace);
            case 4 -> {
                if (!opened.isEmpty()) {
                    opened.remove(random.nextInt(opened.size())).cursor.close();
                }
            }
            case 5 -> check(keyspace, current, arena);
            case 6 -> {
                if (!held.isEmpty()) {
                    Held each = held.get(random.nextInt(held.size()));
                    check(each.snapshot.in(keyspace), each.entries, arena);
                }
            }
            case 7, 8, 9, 10 -> write(tiny, keyspace);
            default -> {
                if (!opened.isEmpty()) {
                    walk(opened.get(random.nextInt(opened.size())), arena);
                }
            }
        }
    }

    private void write(TinyDatabase tiny, Keyspace keyspace) {
        if (random.nextInt(4) == 0) {
            try (WriteBatch batch = tiny.database.batch()) {
                for (int i = random.nextInt(6); i > 0; i--) {
                    byte[] key = key();
                    if (random.nextInt(3) == 0) {
                        batch.remove(keyspace, key);
                        current.remove(key);
                    } else {
                        byte[] value = value();
                        batch.put(keyspace, key, value);
                        current.put(key, value);
                    }
                }
                batch.commit();
            }
            return;
        }
        byte[] key = key();
        if (random.nextInt(3) == 0) {
            keyspace.remove(key);
            current.remove(key);
        } else {
            byte[] value = value();
            keyspace.put(key, value);
            current.put(key, value);
        }
    }

    private void open(Keyspace keyspace) {
        if (opened.size() == CURSORS_MAX) {
            opened.remove(random.nextInt(CURSORS_MAX)).cursor.close();
        }
        KeyRange range = range();
        boolean isHeld = !held.isEmpty() && random.nextBoolean();
        Held each = isHeld ? held.get(random.nextInt(held.size())) : null;
        Cursor cursor = each == null ? keyspace.cursor(range) : each.snapshot.in(keyspace).cursor(range);
        NavigableMap<byte[], byte[]> entries = none();
        (each == null ? current : each.entries).forEach((key, value) -> {
            if (range.contains(key)) {
                entries.put(key, value);
            }
        });
        opened.add(new Opened(cursor, new Model(entries), each == null ? Long.MAX_VALUE : each.snapshot.seqno()));
    }

    private KeyRange range() {
        KeyRange range = KeyRange.all();
        if (random.nextInt(3) == 0) {
            range = KeyRange.prefix(Arrays.copyOf(key(), random.nextInt(3)));
        }
        if (random.nextInt(3) == 0) {
            range = random.nextBoolean() ? range.from(key()) : range.after(key());
        }
        if (random.nextInt(3) == 0) {
            range = random.nextBoolean() ? range.to(key()) : range.until(key());
        }
        return range;
    }

    /** Some moves; in most walks nearly all of them one way. */
    private void walk(Opened each, Arena arena) {
        int lean = random.nextInt(6);
        for (int moves = 1 + random.nextInt(12); moves > 0; moves--) {
            int move = switch (random.nextInt(8)) {
                case 0 -> random.nextInt(9);
                default -> switch (lean) {
                    case 0, 1 -> 7;
                    case 2, 3 -> 8;
                    case 4 -> 5 + random.nextInt(2);
                    default -> random.nextInt(9);
                };
            };
            byte[] key = key();
            boolean expected = each.model.move(move, key);
            boolean found = move(each.cursor, move, segment(key, arena));
            assertEquals(expected, found, () -> "move " + move + " to " + Arrays.toString(key) + " at "
                    + each.model.place + " " + Arrays.toString(each.model.at));
            checkEntry(each);
        }
    }

    private static boolean move(Cursor cursor, int move, MemorySegment key) {
        return switch (move) {
            case 0 -> cursor.first();
            case 1 -> cursor.last();
            case 2 -> cursor.seek(key);
            case 3 -> cursor.seekForPrevious(key);
            case 4 -> cursor.find(key);
            case 5 -> cursor.nextFront();
            case 6 -> cursor.nextBack();
            case 7 -> cursor.next();
            default -> cursor.previous();
        };
    }

    private static void checkEntry(Opened each) {
        Cursor cursor = each.cursor;
        if (each.model.value == null) {
            assertThrows(IllegalStateException.class, cursor::key);
            assertThrows(IllegalStateException.class, cursor::value);
            assertThrows(IllegalStateException.class, cursor::valueSize);
            assertThrows(IllegalStateException.class, cursor::seqno);
            return;
        }
        assertArrayEquals(each.model.at, cursor.key().toArray(ValueLayout.JAVA_BYTE));
        assertArrayEquals(each.model.value, cursor.value().toArray(ValueLayout.JAVA_BYTE));
        assertArrayEquals(each.model.at, cursor.keyBytes());
        assertArrayEquals(each.model.value, cursor.valueBytes());
        assertEquals(each.model.value.length, cursor.valueSize());
        assertTrue(cursor.key().isReadOnly() && cursor.value().isReadOnly());
        assertTrue(cursor.seqno() <= each.seqno);
    }

    private void check(KeyspaceReader reader, NavigableMap<byte[], byte[]> model, Arena arena) {
        byte[] key = key();
        byte @Nullable [] value = model.get(key);
        assertArrayEquals(value, reader.get(key));
        assertArrayEquals(value, reader.get(segment(key, arena)));
        assertEquals(value == null ? -1 : value.length, reader.sizeOf(key));
        assertEquals(value != null, reader.containsKey(segment(key, arena)));
        boolean isRead = reader.read(key, seen -> assertArrayEquals(value, seen.toArray(ValueLayout.JAVA_BYTE)));
        assertEquals(value != null, isRead);
        assertEquals(model.isEmpty(), reader.isEmpty());
        assertEquals(entry(model.firstEntry()), reader.firstEntry());
        assertEquals(entry(model.lastEntry()), reader.lastEntry());
        List<byte[]> many = List.of(key(), key(), key, key());
        int[] seen = {0, -1};
        int found = reader.multiGet(many.stream().map(each -> segment(each, arena)).toList(), (index, each) -> {
            assertTrue(index > seen[1]);
            seen[1] = index;
            seen[0]++;
            assertArrayEquals(model.get(many.get(index)), each.toArray(ValueLayout.JAVA_BYTE));
        });
        assertEquals(many.stream().filter(model::containsKey).count(), found);
        assertEquals(found, seen[0]);
        if (random.nextInt(5) == 0) {
            assertEquals(model.size(), reader.count());
            KeyRange range = range();
            try (var stream = reader.stream(range)) {
                assertEquals(model.entrySet().stream().filter(each -> range.contains(each.getKey()))
                        .map(CursorModelTest::entry).toList(), stream.toList());
            }
        }
        if (reader instanceof Keyspace keyspace) {
            assertTrue(keyspace.approximateCount() >= model.size());
        }
    }

    private static @Nullable Entry entry(Map.@Nullable Entry<byte[], byte[]> entry) {
        return entry == null ? null : new Entry(entry.getKey(), entry.getValue());
    }

    /** Heap or native. */
    private MemorySegment segment(byte[] key, Arena arena) {
        return random.nextBoolean() ? MemorySegment.ofArray(key) : arena.allocateFrom(ValueLayout.JAVA_BYTE, key);
    }

    private byte[] key() {
        int number = random.nextInt(keys);
        byte[] key = new byte[1 + number % 5 + (number % 7 == 0 ? 20 : 0)];
        Arrays.fill(key, (byte) (number % 3 - 1));
        key[key.length / 2] = (byte) (number % 11);
        key[key.length - 1] = (byte) (number >> 2);
        return key;
    }

    private byte[] value() {
        byte[] value = new byte[random.nextInt(40) == 0 ? 1200 + random.nextInt(1500) : random.nextInt(60)];
        random.nextBytes(value);
        return value;
    }

    private static NavigableMap<byte[], byte[]> none() {
        return new TreeMap<>(Arrays::compareUnsigned);
    }

    private static NavigableMap<byte[], byte[]> copy(NavigableMap<byte[], byte[]> entries) {
        NavigableMap<byte[], byte[]> copy = none();
        copy.putAll(entries);
        return copy;
    }
}
