package io.firn;

import io.firn.config.PersistMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Flushes, merges and forces in a runtime that has no flight recorder; {@link EventTest} starts it. */
final class WithoutRecorderProgram {
    private WithoutRecorderProgram() {}

    /** The directory of the database, which is made. */
    public static void main(String[] arguments) {
        if (ModuleLayer.boot().findModule("jdk.jfr").isPresent()) {
            throw new AssertionError("the recorder is there");
        }
        try (Database db = Database.open(Path.of(arguments[0]))) {
            Keyspace keyspace = db.keyspace("a");
            for (int i = 0; i < 100; i++) {
                keyspace.put(("key" + i).getBytes(StandardCharsets.UTF_8), new byte[100]);
                if (i % 20 == 0) {
                    keyspace.rotateMemtableAndWait();
                }
            }
            db.persist(PersistMode.SYNC_ALL);
            keyspace.majorCompact();
            if (keyspace.count() != 100) {
                throw new AssertionError("entries are missing");
            }
        }
        System.out.println("clean");
    }
}
