package io.firn;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The process that keeps what it was lent; {@link ChecksTest} starts it. */
final class ChecksProgram {
    private static final int ENTRIES = 1000;

    private final List<MemorySegment> kept = new ArrayList<>();

    /** Arguments: an empty directory, and whether {@code firn.checks} is on. */
    public static void main(String[] arguments) {
        boolean isChecked = Boolean.parseBoolean(arguments[1]);
        assertEquals(isChecked, Lent.IS_CHECKED);
        try (Database db = Database.builder(Path.of(arguments[0], "db")).temporary().open()) {
            Keyspace keyspace = db.keyspace("a");
            for (int i = 0; i < ENTRIES; i++) {
                keyspace.put(bytes("key" + i), bytes("value" + i));
            }
            new ChecksProgram().keep(keyspace, isChecked);
            keyspace.rotateMemtableAndWait();
            new ChecksProgram().keep(keyspace, isChecked);
        }
        System.out.println("clean");
    }

    private void keep(Keyspace keyspace, boolean isChecked) {
        assertTrue(keyspace.read(bytes("key7"), this::lend));
        checkDead(isChecked);
        MemorySegment key = MemorySegment.ofArray(bytes("key8"));
        assertEquals(2, keyspace.multiGet(List.of(key, key), (index, value) -> lend(value)));
        checkDead(isChecked);
        assertThrows(IllegalStateException.class, () -> keyspace.read(key, value -> {
            lend(value);
            throw new IllegalStateException("of the visitor");
        }));
        checkDead(isChecked);
        try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
            for (int move = 0; move < 9; move++) {
                assertTrue(switch (move) {
                    case 0 -> cursor.first();
                    case 1 -> cursor.next();
                    case 2 -> cursor.last();
                    case 3 -> cursor.previous();
                    case 4 -> cursor.seek(key);
                    case 5 -> cursor.seekForPrevious(key);
                    case 6 -> cursor.find(key);
                    case 7 -> cursor.nextFront();
                    default -> cursor.nextBack();
                });
                checkDead(isChecked);
                lend(cursor.key());
                lend(cursor.value());
                assertArrayEquals(cursor.keyBytes(), cursor.key().toArray(JAVA_BYTE));
                assertArrayEquals(cursor.valueBytes(), cursor.value().toArray(JAVA_BYTE));
            }
        }
        checkDead(isChecked);
    }

    private void lend(MemorySegment segment) {
        assertTrue(segment.isReadOnly());
        assertTrue(segment.toArray(JAVA_BYTE).length > 0);
        kept.add(segment);
    }

    /** Without checks the bytes may be others by now, but no access fails while the database is open. */
    private void checkDead(boolean isChecked) {
        for (MemorySegment segment : kept) {
            if (isChecked) {
                assertThrows(IllegalStateException.class, () -> segment.get(JAVA_BYTE, 0));
            } else {
                assertEquals(segment.byteSize(), segment.toArray(JAVA_BYTE).length);
            }
        }
        kept.clear();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }
}
