package io.firn;

import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.config.RecoveryMode;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.SimStorage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Opens what a crash has left and compares it with what was promised: P1, forced writes are there after a loss of power; P2,
 * acknowledged ones after a kill; P3, it is a prefix of the commits, over all keyspaces, with no batch in part; it can be gone on
 * with; and after closing nothing is open.
 *
 * <p>Threads: any.
 */
final class CrashCheck {
    /** Of so many disks one lives on. */
    private static final int CHECKS_BETWEEN_LIVES = 16;

    private static final AtomicLong CHECKS = new AtomicLong();

    private final CommitModel model;

    /** A promise that was broken. */
    static final class Violation extends RuntimeException {
        private static final long serialVersionUID = 1;

        Violation(String what) {
            super(what);
        }

        Violation(String what, Throwable cause) {
            super(what + ": " + cause, cause);
        }
    }

    CrashCheck(CommitModel model) {
        this.model = model;
    }

    /**
     * Answers how many commits are left on the disk, which is changed by the opening. One in a few disks is written to, flushed and
     * compacted, and opened once more.
     *
     * @param promise what was promised before the image was drawn
     * @param attempted how many commits were begun when it had been drawn
     */
    int check(SimStorage crashed, int image, CommitModel.Promise promise, int attempted) {
        int number;
        boolean isGoneOnWith = CHECKS.incrementAndGet() % CHECKS_BETWEEN_LIVES == 0;
        List<CommitModel.Write> writes = List.of();
        // A database that was closed ends in a seal, which is as durable as what it seals.
        TinyDatabase tiny = TinyDatabase.open(
                crashed, promise.isCreated() ? OpenMode.RECOVER : OpenMode.CREATE_OR_RECOVER,
                promise.isClosed() ? RecoveryMode.EXACT : RecoveryMode.TORN_TAIL, TinyDatabase.PATIENCE);
        try (tiny) {
            int least = image == CrashImage.EVERYTHING ? promise.acknowledged() : promise.forced();
            number = model.match(CommitModel.contents(tiny.database), promise, least, attempted);
            if (isGoneOnWith) {
                writes = goOn(tiny.database);
            }
        }
        checkClosed(crashed, tiny);
        if (isGoneOnWith) {
            checkGoneOn(crashed, model.state(number), writes);
        }
        return number;
    }

    /** What was recovered is written to, flushed and merged. */
    private static List<CommitModel.Write> goOn(Database database) {
        String name = database.keyspaceNames().stream()
                .filter(each -> !each.equals(Upkept.DROPPED_BY_AGE)).findFirst().orElse("a");
        List<CommitModel.Write> writes = new ArrayList<>();
        Keyspace keyspace = database.keyspace(name);
        for (int key = 0; key < 4; key++) {
            writes.add(new CommitModel.Write(name, "key/" + key, key == 1 ? null : new byte[3 * key]));
        }
        CrashStory.write(database, writes, PersistMode.SYNC_DATA);
        keyspace.rotateMemtableAndWait();
        keyspace.majorCompact();
        return writes;
    }

    private static void checkGoneOn(SimStorage crashed, CommitState before, List<CommitModel.Write> writes) {
        TinyDatabase tiny = TinyDatabase.open(crashed, OpenMode.RECOVER, RecoveryMode.EXACT, TinyDatabase.PATIENCE);
        try (tiny) {
            String difference = before.with(writes).difference(CommitModel.contents(tiny.database));
            if (difference != null) {
                throw new Violation("written to, closed and opened again: " + difference);
            }
        }
        checkClosed(crashed, tiny);
    }

    private static void checkClosed(SimStorage disk, TinyDatabase tiny) {
        disk.assertNothingOpen();
        if (tiny.usedMemoryBytes() != 0) {
            throw new Violation(tiny.usedMemoryBytes() + " bytes of the budget were not given back");
        }
    }
}
