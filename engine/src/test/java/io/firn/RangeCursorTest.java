package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.Compression;
import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import io.firn.error.CorruptionException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the moves of a cursor mean, and what they do not read. */
class RangeCursorTest {
    @TempDir
    Path directory;

    @Test
    void movesBothWaysFromWhereverItStands() {
        try (Database db = Database.open(directory.resolve("db"))) {
            Keyspace keyspace = filled(db, "a", "b", "c", "d");
            try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
                assertEntry(cursor.next(), cursor, "a");
                assertFalse(cursor.previous());
                assertFalse(cursor.previous());
                assertEntry(cursor.next(), cursor, "a");
                assertEntry(cursor.last(), cursor, "d");
                assertFalse(cursor.next());
                assertFalse(cursor.next());
                assertEntry(cursor.previous(), cursor, "d");
                assertEntry(cursor.previous(), cursor, "c");
                assertEntry(cursor.next(), cursor, "d");
                assertEntry(cursor.seek(key("b")), cursor, "b");
                assertEntry(cursor.previous(), cursor, "a");
                assertEntry(cursor.seek(key("bb")), cursor, "c");
                assertEntry(cursor.seekForPrevious(key("bb")), cursor, "b");
                assertEntry(cursor.next(), cursor, "c");
                assertFalse(cursor.seek(key("e")));
                assertEntry(cursor.previous(), cursor, "d");
                assertFalse(cursor.seekForPrevious(key("A")));
                assertEntry(cursor.next(), cursor, "a");
            }
            try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
                assertEntry(cursor.previous(), cursor, "d");
            }
        }
    }

    @Test
    void findsAKeyOrItsPlaceAndGoesOnFromThere() {
        try (Database db = Database.open(directory.resolve("db"))) {
            Keyspace keyspace = filled(db, "a", "b", "d");
            try (Cursor cursor = keyspace.cursor(KeyRange.all().until(bytes("d")))) {
                assertEntry(cursor.find(key("b")), cursor, "b");
                assertEntry(cursor.previous(), cursor, "a");
                assertEntry(cursor.find(key("a")), cursor, "a");
                assertEntry(cursor.next(), cursor, "b");
                assertFalse(cursor.find(key("aa")));
                assertThrows(IllegalStateException.class, cursor::value);
                assertEntry(cursor.next(), cursor, "b");
                assertFalse(cursor.find(key("aa")));
                assertEntry(cursor.previous(), cursor, "a");
                assertFalse(cursor.find(key("d")), "outside of the range");
                assertFalse(cursor.next());
                assertFalse(cursor.find(key("d")));
                assertEntry(cursor.previous(), cursor, "b");
                assertFalse(cursor.find(key("A")));
                assertFalse(cursor.previous());
            }
        }
    }

    @Test
    void takesFromBothEndsUntilTheyMeetAndOtherMovesSeeWhatIsLeft() {
        try (Database db = Database.open(directory.resolve("db"))) {
            Keyspace keyspace = filled(db, "a", "b", "c", "d", "e");
            try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
                assertEntry(cursor.nextFront(), cursor, "a");
                assertEntry(cursor.nextBack(), cursor, "e");
                assertFalse(cursor.next(), "what was taken off the back is behind all that is left");
                assertEntry(cursor.first(), cursor, "b");
                assertFalse(cursor.previous());
                assertFalse(cursor.find(key("a")));
                assertEntry(cursor.seek(key("a")), cursor, "b");
                assertEntry(cursor.seekForPrevious(key("e")), cursor, "d");
                assertEntry(cursor.nextFront(), cursor, "b");
                assertEntry(cursor.next(), cursor, "c");
                assertEntry(cursor.nextBack(), cursor, "d");
                assertEntry(cursor.nextBack(), cursor, "c");
                assertFalse(cursor.nextFront());
                assertFalse(cursor.nextBack());
                assertFalse(cursor.first());
                assertFalse(cursor.last());
                assertFalse(cursor.find(key("c")));
            }
        }
    }

    @Test
    void showsTheRangeAsItWasWhenItWasOpened() {
        try (Database db = Database.open(directory.resolve("db"))) {
            Keyspace keyspace = filled(db, "a", "c");
            try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
                keyspace.put(bytes("a"), bytes("new"));
                keyspace.put(bytes("b"), bytes("new"));
                keyspace.remove(bytes("c"));
                assertEntry(cursor.next(), cursor, "a");
                keyspace.rotateMemtableAndWait();
                keyspace.put(bytes("b"), bytes("newer"));
                assertEntry(cursor.next(), cursor, "c");
                assertFalse(cursor.find(key("b")));
                assertFalse(cursor.nextFront() && cursor.nextFront() && cursor.nextFront());
            }
            assertArrayEquals(bytes("newer"), keyspace.get(bytes("b")));
        }
    }

    @Test
    void anInvertedOrEmptyRangeIsEmpty() {
        try (Database db = Database.open(directory.resolve("db"))) {
            Keyspace keyspace = filled(db, "a", "b", "c");
            for (KeyRange range : List.of(
                    KeyRange.all().from(bytes("c")).until(bytes("a")), KeyRange.all().after(bytes("b")).until(bytes("c")),
                    KeyRange.prefix(bytes("x")))) {
                try (Cursor cursor = keyspace.cursor(range); Stream<Entry> stream = keyspace.stream(range)) {
                    assertFalse(cursor.next());
                    assertFalse(cursor.previous());
                    assertFalse(cursor.first());
                    assertFalse(cursor.last());
                    assertFalse(cursor.seek(key("b")));
                    assertFalse(cursor.seekForPrevious(key("b")));
                    assertFalse(cursor.find(key("b")));
                    assertFalse(cursor.nextFront());
                    assertFalse(cursor.nextBack());
                    assertEquals(0, stream.count());
                }
            }
        }
    }

    /** The blocks of one table are damaged: only who comes to them is told. */
    @Test
    void readsNothingBeforeTheFirstMoveAndNothingThatCannotBeInTheRange() throws IOException {
        Path path = directory.resolve("db");
        KeyspaceOptions options = KeyspaceOptions.defaults().compression(PerLevel.all(Compression.NONE));
        try (Database db = Database.open(path)) {
            Keyspace keyspace = db.keyspace("a", options);
            for (String key : List.of("a1", "a2")) {
                keyspace.put(bytes(key), bytes(key));
            }
            keyspace.rotateMemtableAndWait();
            for (String key : List.of("z1", "z2")) {
                keyspace.put(bytes(key), bytes(key));
            }
            keyspace.rotateMemtableAndWait();
        }
        Path newest;
        try (Stream<Path> files = Files.walk(path)) {
            newest = files.filter(file -> file.toString().endsWith(".table")).sorted().toList().getLast();
        }
        byte[] content = Files.readAllBytes(newest);
        int at = new String(content, StandardCharsets.ISO_8859_1).indexOf("z1") + 1;
        assertTrue(at > 0);
        content[at] ^= 4;
        Files.write(newest, content);

        try (Database db = Database.open(path)) {
            Keyspace keyspace = db.keyspace("a");
            try (Cursor cursor = keyspace.cursor(KeyRange.prefix(bytes("a")))) {
                assertEntry(cursor.next(), cursor, "a1");
                assertEntry(cursor.last(), cursor, "a2");
                assertFalse(cursor.next());
            }
            try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
                assertEntry(cursor.find(key("a2")), cursor, "a2");
                assertThrows(CorruptionException.class, cursor::next);
                assertThrows(IllegalStateException.class, cursor::key);
                assertThrows(CorruptionException.class, cursor::first);
                assertEntry(cursor.find(key("a1")), cursor, "a1");
            }
            assertThrows(CorruptionException.class, keyspace::count);
        }
    }

    private static Keyspace filled(Database db, String... keys) {
        Keyspace keyspace = db.keyspace("a");
        for (String key : keys) {
            keyspace.put(bytes(key), bytes(key));
        }
        return keyspace;
    }

    private static void assertEntry(boolean isThere, Cursor cursor, String key) {
        assertTrue(isThere, key);
        assertArrayEquals(bytes(key), cursor.keyBytes());
        assertArrayEquals(bytes(key), cursor.valueBytes());
    }

    private static MemorySegment key(String text) {
        return MemorySegment.ofArray(bytes(text));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }
}
