package io.firn.tx;

import io.firn.Cursor;
import io.firn.Database;
import io.firn.Keyspace;
import io.firn.KeyspaceReader;
import io.firn.OptimisticDatabase;
import io.firn.config.KeyRange;
import io.firn.ffm.budget.MemoryBudget;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/** The one database of this process, in which each race has a pair of keys for itself. */
final class RacedDatabase {
    private static final AtomicInteger RACES = new AtomicInteger();

    static final OptimisticDatabase DATABASE = open();
    static final Keyspace KEYSPACE = DATABASE.keyspace("raced");

    private RacedDatabase() {}

    private static OptimisticDatabase open() {
        try {
            OptimisticDatabase database = Database.builder(Files.createTempDirectory("firn-raced"))
                    .budget(MemoryBudget.ofMebibytes(64))
                    .temporary()
                    .openOptimistic();
            Runtime.getRuntime().addShutdownHook(new Thread(database::close));
            return database;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The number of a race, which no other has. */
    static int nextRace() {
        return RACES.getAndIncrement();
    }

    /** One of the two keys of a race. */
    static byte[] key(int race, int which) {
        return bytes(2 * race + which);
    }

    static byte[] bytes(int number) {
        byte[] bytes = new byte[Integer.BYTES];
        MemorySegment.ofArray(bytes).set(ValueLayout.JAVA_INT_UNALIGNED, 0, number);
        return bytes;
    }

    /** 1 if the key has the value of the race. */
    static int isWritten(KeyspaceReader reader, byte[] key, int race) {
        return Arrays.equals(reader.get(key), bytes(race)) ? 1 : 0;
    }

    static long seqnoOf(byte[] key) {
        try (Cursor cursor = KEYSPACE.cursor(KeyRange.all())) {
            return cursor.find(MemorySegment.ofArray(key)) ? cursor.seqno() : -1;
        }
    }
}
