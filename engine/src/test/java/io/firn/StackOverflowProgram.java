package io.firn;

import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.error.PoisonedException;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.SimStorage;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Commits batches where little is left of the stack, a little more each time, so that the error comes at one place of the commit
 * after the other; prints what came of it. In a process of its own: a class whose initialisation meets the error is spoiled for
 * ever. Argument: rounds.
 */
final class StackOverflowProgram {
    private static final List<String> KEYSPACES = List.of("a", "b");
    private static final int ROOMS = 150;
    private static final int STACK_BYTES = 1 << 20;

    private final Random random = new Random(Long.getLong("seed", 1));
    private int done;
    private int refused;
    private int poisoned;
    private int torn;
    private int violations;

    public static void main(String[] arguments) throws InterruptedException {
        StackOverflowProgram program = new StackOverflowProgram();
        Thread thread = new Thread(null, () -> program.run(Integer.parseInt(arguments[0])), "deep", STACK_BYTES);
        thread.start();
        thread.join();
    }

    private void run(int rounds) {
        warmUp();
        for (int round = 0; round < rounds; round++) {
            for (int room = 1; room <= ROOMS; room++) {
                attempt(room);
            }
        }
        System.out.println("done " + done + " refused " + refused + " poisoned " + poisoned + " torn " + torn + " violations " + violations);
        System.exit(violations == 0 ? 0 : 3);
    }

    /** Comes past every class that an attempt needs. */
    private void warmUp() {
        attempt(2000);
        attempt(20);
        done = 0;
        refused = 0;
        poisoned = 0;
        torn = 0;
    }

    private void attempt(int room) {
        CommitModel model = new CommitModel();
        try (SimStorage disk = new SimStorage()) {
            TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE);
            model.create();
            for (String name : KEYSPACES) {
                tiny.keyspace(name);
                model.createKeyspace(name);
            }
            for (int i = random.nextInt(25); i > 0; i--) {
                CrashStory.write(tiny.database, model.begin(writes()), PersistMode.BUFFER);
                model.acknowledge();
            }
            Throwable thrown = commitDeep(tiny.database, model.begin(writes()), room);
            if (thrown == null) {
                model.acknowledge();
            }
            CommitModel after = goneOn(tiny.database, model, room);
            if (thrown == null) {
                check(after == null ? "poisoned" : null, room, "a commit without an error");
                done++;
            } else if (after == null) {
                poisoned++;
            } else {
                refused++;
            }
            close(tiny, after == null);
            model = after == null ? model : after;
            disk.assertNothingOpen();
            CommitModel.Promise promise = model.promise();
            new CrashCheck(model).check(
                    CrashImage.draw(disk, 1, CrashImage.EVERYTHING), CrashImage.EVERYTHING, promise, model.attempted());
        } catch (RuntimeException | AssertionError e) {
            e.printStackTrace(System.out);
            check(e.toString(), room, "violated");
        }
    }

    /** Commits where about so many frames fit below; what that threw. */
    private static @Nullable Throwable commitDeep(Database database, List<CommitModel.Write> writes, int room) {
        WriteBatch batch = database.batch();
        for (CommitModel.Write write : writes) {
            batch.put(database.keyspace(write.keyspace()), CommitModel.bytes(write.key()), write.value());
        }
        Throwable[] thrown = new Throwable[1];
        descend(room, batch, thrown);
        try {
            batch.close();
        } catch (IllegalStateException e) {
            // The error met the platform where it gives memory back that it was lent, to a checksum: this cannot be closed.
            return thrown[0];
        }
        return thrown[0];
    }

    /** How many frames fitted; the batch is committed in the one below which as many fitted as were asked for. */
    private static int descend(int room, WriteBatch batch, Throwable[] thrown) {
        int fitted;
        try {
            fitted = 1 + descend(room, batch, thrown);
        } catch (StackOverflowError e) {
            return 0;
        }
        if (fitted == room) {
            try {
                batch.commit();
            } catch (Throwable t) {
                thrown[0] = t;
            }
        }
        return fitted;
    }

    /** What the database holds when it has gone on; null if it does not go on, being poisoned. */
    private @Nullable CommitModel goneOn(Database database, CommitModel model, int room) {
        String difference;
        CommitModel other = new CommitModel(model);
        try {
            // All of it, if the error came behind the commit, or nothing.
            if (CommitModel.numberIn(database) < model.attempted()) {
                other.refuse();
            }
            difference = other.last().difference(CommitModel.contents(database));
        } catch (PoisonedException e) {
            // A node of a memtable that the error has left in the middle of a change.
            torn++;
            difference = null;
        }
        try {
            CrashStory.write(database, other.begin(writes()), PersistMode.BUFFER);
        } catch (PoisonedException e) {
            check(difference, room, "poisoned");
            return null;
        }
        check(difference, room, "going on");
        other.acknowledge();
        return other;
    }

    private List<CommitModel.Write> writes() {
        List<CommitModel.Write> writes = new ArrayList<>();
        for (int write = 0; write < 3; write++) {
            for (String keyspace : KEYSPACES) {
                byte[] value = new byte[random.nextInt(50)];
                random.nextBytes(value);
                writes.add(new CommitModel.Write(keyspace, CommitModel.anyKey(random), value));
            }
        }
        return writes;
    }

    private void check(@Nullable String difference, int room, String moment) {
        if (difference != null) {
            violations++;
            System.out.println("room for " + room + " frames, " + moment + ": " + difference);
        }
    }

    private void close(TinyDatabase tiny, boolean isPoisoned) {
        try {
            tiny.close();
        } catch (PoisonedException e) {
            if (!isPoisoned) {
                throw e;
            }
        }
    }
}
