package io.firn;

import io.firn.config.KeyRange;
import io.firn.error.CorruptionException;
import io.firn.error.FirnException;
import io.firn.error.FormatVersionException;
import io.firn.error.NotADatabaseException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.Storage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Opens a damaged database, asks for everything in every way, closes it, and says what came of it: the damage is detected, or every answer
 * is the model's. All answers together have to be those of one state that is allowed.
 *
 * <p>Threads: any.
 */
final class FlipCheck {
    private final Map<String, Questions> questions = new LinkedHashMap<>();
    private final int states;

    /** What a keyspace is asked, and what it may answer: an answer for each key in each state. */
    private record Questions(List<byte[]> keys, byte[][] @Nullable [] answers) {}

    /** What came of a case. */
    enum Outcome { DETECTED, HARMLESS, TAIL_LOST }

    /**
     * How it came out.
     *
     * @param detection the first exception that told of the damage
     */
    record Result(Outcome outcome, @Nullable FirnException detection) {}

    /** The last state is the one without any loss. */
    FlipCheck(FlipDatabase source) {
        List<FlipDatabase.Expected> allowed = source.withOrWithoutTail();
        states = allowed.size();
        for (String keyspace : FlipDatabase.keyspaceNames()) {
            List<byte[]> keys = source.keysOf(keyspace);
            byte[][][] answers = new byte[keys.size()][states][];
            for (int key = 0; key < keys.size(); key++) {
                for (int state = 0; state < states; state++) {
                    answers[key][state] = allowed.get(state).valueOf(keyspace, keys.get(key));
                }
            }
            questions.put(keyspace, new Questions(keys, answers));
        }
    }

    /** Fails with an AssertionError, or whatever else came out that may not. */
    Result run(Path directory, Storage storage, ThreadFactory threads, boolean mayLoseTail) {
        MemoryBudget budget = MemoryBudget.ofMebibytes(64);
        List<Thread> started = new ArrayList<>();
        Run run = new Run(mayLoseTail ? (1 << states) - 1 : 1 << states - 1);
        DatabaseBuilder builder = FlipDatabase.builder(directory, storage, budget).threads(task -> {
            Thread thread = threads.newThread(task);
            synchronized (started) {
                started.add(thread);
            }
            return thread;
        });
        try {
            try (Database db = builder.open()) {
                questions.forEach((name, asked) -> run.ask(db, name, asked));
            }
        } catch (FirnException e) {
            run.detected(e);
        }
        if (budget.usedBytes() != 0) {
            throw new AssertionError("after close " + budget.usedBytes() + " bytes are still reserved");
        }
        awaitEnd(started);
        return run.result();
    }

    private static void awaitEnd(List<Thread> started) {
        try {
            for (Thread thread : started) {
                thread.join(TimeUnit.SECONDS.toMillis(300));
                if (thread.isAlive()) {
                    throw new AssertionError("after close " + thread + " still runs");
                }
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private final class Run {
        private static final Comparator<byte[]> ORDER = Arrays::compareUnsigned;

        /** A bit for each state that agrees with all answers so far. */
        private int possible;

        private @Nullable FirnException detection;

        Run(int possible) {
            this.possible = possible;
        }

        void ask(Database db, String name, Questions asked) {
            if (!db.keyspaceExists(name)) {
                throw new AssertionError("keyspace " + name + " is missing");
            }
            Keyspace keyspace = db.keyspace(name);
            for (int key = 0; key < asked.keys().size(); key++) {
                get(keyspace, asked, key);
            }
            scan(keyspace, asked, true);
            scan(keyspace, asked, false);
        }

        private void get(Keyspace keyspace, Questions asked, int key) {
            try {
                answered(keyspace.name(), asked, key, keyspace.get(asked.keys().get(key)));
            } catch (FirnException e) {
                detected(e);
            }
            if (key % 3 != 0) {
                return;
            }
            try {
                sizeAnswered(keyspace.name(), asked, key, keyspace.sizeOf(asked.keys().get(key)));
            } catch (FirnException e) {
                detected(e);
            }
        }

        /** What was passed by and not shown was answered to be missing. */
        private void scan(Keyspace keyspace, Questions asked, boolean isForward) {
            List<byte[]> keys = asked.keys();
            int step = isForward ? 1 : -1;
            int next = isForward ? 0 : keys.size() - 1;
            try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
                boolean isThere = isForward ? cursor.first() : cursor.last();
                while (isThere) {
                    byte[] found = cursor.keyBytes();
                    while (0 <= next && next < keys.size() && ORDER.compare(keys.get(next), found) * step < 0) {
                        answered(keyspace.name(), asked, next, null);
                        next += step;
                    }
                    if (next < 0 || next == keys.size() || !Arrays.equals(keys.get(next), found)) {
                        throw new AssertionError("a scan of " + keyspace.name() + " shows a key out of order, or that was never written");
                    }
                    answered(keyspace.name(), asked, next, cursor.valueBytes());
                    next += step;
                    isThere = isForward ? cursor.next() : cursor.previous();
                }
                for (; 0 <= next && next < keys.size(); next += step) {
                    answered(keyspace.name(), asked, next, null);
                }
            } catch (FirnException e) {
                detected(e);
            }
        }

        private void answered(String keyspace, Questions asked, int key, byte @Nullable [] answer) {
            int before = possible;
            for (int state = 0; state < states; state++) {
                if (!Arrays.equals(asked.answers()[key][state], answer)) {
                    possible &= ~(1 << state);
                }
            }
            check(keyspace, asked, key, before, answer == null ? "missing" : "a value of " + answer.length + " bytes");
        }

        private void sizeAnswered(String keyspace, Questions asked, int key, long size) {
            int before = possible;
            for (int state = 0; state < states; state++) {
                byte[] expected = asked.answers()[key][state];
                if (size != (expected == null ? -1 : expected.length)) {
                    possible &= ~(1 << state);
                }
            }
            check(keyspace, asked, key, before, "size " + size);
        }

        private void check(String keyspace, Questions asked, int key, int before, String answer) {
            if (possible == 0) {
                throw new AssertionError("wrong answer: key " + key + " of " + keyspace + " ("
                        + Arrays.toString(Arrays.copyOf(asked.keys().get(key), 12)) + " ...): " + answer
                        + "; possible states before: " + Integer.toBinaryString(before));
            }
        }

        void detected(FirnException e) {
            boolean isTyped = switch (e) {
                case CorruptionException corruption -> isNamed(corruption);
                case FormatVersionException version -> true;
                case NotADatabaseException other -> true;
                default -> false;
            };
            if (!isTyped) {
                throw new AssertionError("not an exception for damaged files: " + e, e);
            }
            if (detection == null) {
                detection = e;
            }
        }

        private boolean isNamed(CorruptionException corruption) {
            String name = String.valueOf(corruption.file().getFileName());
            boolean isFile = name.equals("CURRENT") || name.startsWith("manifest-") || name.contains(".");
            return isFile && corruption.offset() >= 0;
        }

        Result result() {
            if (detection != null) {
                return new Result(Outcome.DETECTED, detection);
            }
            boolean isWhole = (possible & 1 << states - 1) != 0;
            return new Result(isWhole ? Outcome.HARMLESS : Outcome.TAIL_LOST, null);
        }
    }
}
