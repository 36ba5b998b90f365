package io.firn;

import io.firn.config.KeyRange;
import io.firn.ffm.sim.CrashImage;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a database should hold after each of its commits, and what its callers were promised. Commits are numbered from 1; edits that
 * have a place among them, such as a clear, are commits here. Each batch and each ingestion writes its number into every keyspace
 * that it touches, which tells of what is recovered how far it reaches at least.
 *
 * <p>A keyspace is created beside the commits: it is there when that has been answered, whatever was lost of them.
 *
 * <p>Threads: one commits; any may ask.
 */
final class CommitModel {
    static final List<String> KEYSPACES = List.of("a", "b", Upkept.DROPPED_BY_AGE, Upkept.FILTERED);

    /** The key under which a commit leaves its number. */
    private static final String NUMBER = "#";

    /** Keys of every keyspace; one of them is long. */
    private static final List<String> KEYS = keys();

    private final List<CommitState> states = new ArrayList<>(List.of(CommitState.EMPTY));
    private final Set<String> keyspaces = new HashSet<>();
    /** Those that may be there: also those whose creation was begun. */
    private final Set<String> begun = new HashSet<>();
    private boolean isCreated;
    private boolean isClosed;
    /** Up to this commit it is known which keyspaces were deleted. */
    private int settled;
    private int forced;
    private int acknowledged;

    /**
     * What has to be there: a database, these keyspaces, but for one that a commit deletes which is not settled yet, so many commits
     * after a loss of power, so many after a kill. And which keyspaces may be there.
     */
    record Promise(
            boolean isCreated, boolean isClosed, Set<String> keyspaces, Set<String> begun, int settled, int forced,
            int acknowledged) {
        /** What of it holds for an image of this number: a kill, or a loss of power. */
        Promise asFarAsItGoes(int image) {
            int least = image == CrashImage.EVERYTHING ? acknowledged : forced;
            return new Promise(isCreated, isClosed, keyspaces, begun, settled, least, least);
        }
    }

    /** One write of a commit; without a value it removes, perhaps weakly. */
    record Write(String keyspace, String key, byte @Nullable [] value, boolean isWeak) {
        Write(String keyspace, String key, byte @Nullable [] value) {
            this(keyspace, key, value, false);
        }
    }

    CommitModel() {}

    /** As the other is now. */
    CommitModel(CommitModel other) {
        synchronized (other) {
            states.addAll(other.states.subList(1, other.states.size()));
            keyspaces.addAll(other.keyspaces);
            begun.addAll(other.begun);
            isCreated = other.isCreated;
            isClosed = other.isClosed;
            settled = other.settled;
            forced = other.forced;
            acknowledged = other.acknowledged;
        }
    }

    private static List<String> keys() {
        List<String> keys = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            keys.add("key/" + i);
        }
        keys.add("l" + "o".repeat(300) + "ng");
        return keys;
    }

    static String anyKey(Random random) {
        return KEYS.get(random.nextInt(KEYS.size()));
    }

    static byte[] bytes(String key) {
        return key.getBytes(StandardCharsets.UTF_8);
    }

    // ---- commits

    /** What the next commit is to write: these writes, and its number. */
    synchronized List<Write> begin(List<Write> asked) {
        byte[] number = bytes(Integer.toString(states.size()));
        List<Write> writes = new ArrayList<>(asked);
        asked.stream().map(Write::keyspace).distinct().forEach(keyspace -> writes.add(new Write(keyspace, NUMBER, number)));
        states.add(states.getLast().with(writes));
        return writes;
    }

    /** The next commit drops the keys from one to another, exclusive. */
    synchronized KeyRange beginDrop(String keyspace, @Nullable String from, @Nullable String until) {
        states.add(states.getLast().without(keyspace, from, until));
        KeyRange range = from == null ? KeyRange.all() : KeyRange.all().from(bytes(from));
        return until == null ? range : range.until(bytes(until));
    }

    synchronized void beginClear(String keyspace) {
        states.add(states.getLast().without(keyspace, null, null));
    }

    synchronized void beginDelete(String keyspace) {
        states.add(states.getLast().withDeleted(keyspace));
    }

    /** The last commit, or one that was begun before, is told to have happened. */
    synchronized void acknowledge() {
        acknowledged = attempted();
        String deleted = states.getLast().deleted();
        if (deleted != null) {
            keyspaces.remove(deleted);
            begun.remove(deleted);
            settled = acknowledged;
        }
    }

    /** Everything that was acknowledged is told to be durable. */
    synchronized void force() {
        forced = acknowledged;
    }

    /** The last commit was refused: it left no trace. */
    synchronized void refuse() {
        states.removeLast();
    }

    synchronized void create() {
        isCreated = true;
    }

    /** The database is being opened. */
    synchronized void open() {
        isClosed = false;
    }

    /** It was opened; it has these keyspaces, durably. */
    synchronized void opened(List<String> names) {
        keyspaces.clear();
        keyspaces.addAll(names);
        begun.clear();
        begun.addAll(names);
        settled = attempted();
    }

    /** It was closed, and has told so. */
    synchronized void close() {
        forced = acknowledged;
        isClosed = true;
    }

    synchronized void beginKeyspace(String name) {
        begun.add(name);
    }

    synchronized void createKeyspace(String name) {
        begun.add(name);
        keyspaces.add(name);
    }

    synchronized Promise promise() {
        return new Promise(isCreated, isClosed, Set.copyOf(keyspaces), Set.copyOf(begun), settled, forced, acknowledged);
    }

    /** The number of the last commit that was begun. */
    synchronized int attempted() {
        return states.size() - 1;
    }

    synchronized CommitState last() {
        return states.getLast();
    }

    synchronized CommitState state(int number) {
        return states.get(number);
    }

    /** A crash has left so many commits, of which so many stand on the disk for ever. */
    synchronized void crash(Promise promise, int left, int durable) {
        states.subList(left + 1, states.size()).clear();
        isCreated = promise.isCreated;
        isClosed = promise.isClosed;
        keyspaces.retainAll(promise.keyspaces);
        acknowledged = left;
        forced = durable;
    }

    // ---- what is found

    /** What a database holds, by keyspace and key, as a cursor tells it; every key that there may be is also asked for. */
    static Map<String, Map<String, byte[]>> contents(Database database) {
        Map<String, Map<String, byte[]>> contents = new TreeMap<>();
        for (String name : database.keyspaceNames()) {
            contents.put(name, contents(database.keyspace(name)));
        }
        return contents;
    }

    private static Map<String, byte[]> contents(Keyspace keyspace) {
        Map<String, byte[]> found = cursorContents(keyspace);
        for (String key : KEYS) {
            byte[] value = keyspace.get(bytes(key));
            if (!Arrays.equals(value, found.get(key)) && !Upkept.isDroppedByAge(keyspace.name())
                    && !Upkept.isFiltered(keyspace.name(), key)) {
                throw new CrashCheck.Violation("keyspace " + keyspace.name() + ", key " + key + ": "
                        + CommitState.text(value) + " by itself, " + CommitState.text(found.get(key)) + " by a cursor");
            }
        }
        return found;
    }

    static Map<String, byte[]> cursorContents(KeyspaceReader keyspace) {
        Map<String, byte[]> found = new HashMap<>();
        try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
            while (cursor.next()) {
                found.put(new String(cursor.keyBytes(), StandardCharsets.UTF_8), cursor.valueBytes());
            }
        }
        return found;
    }

    /** The least commit that a database reaches, as far as the numbers tell that are found in it. */
    static int numberIn(Database database) {
        return numberIn(contents(database));
    }

    static int numberIn(Map<String, Map<String, byte[]>> contents) {
        int number = 0;
        for (Map<String, byte[]> keyspace : contents.values()) {
            byte[] found = keyspace.get(NUMBER);
            if (found != null) {
                number = Math.max(number, Integer.parseInt(new String(found, StandardCharsets.UTF_8)));
            }
        }
        return number;
    }

    /**
     * The first commit, of those from one to another, after which the database should hold what it does; a violation if there is
     * none. Which keyspaces are there has to fit the promise.
     */
    int match(Map<String, Map<String, byte[]>> contents, Promise promise, int from, int to) {
        int least = Math.max(from, numberIn(contents));
        if (least > to) {
            throw new CrashCheck.Violation("commit " + least + " is the last; forced " + promise.forced() + ", acknowledged "
                    + promise.acknowledged() + ", attempted " + to);
        }
        String difference = null;
        for (int number = least; number <= to; number++) {
            CommitState state = state(number);
            String differs = state.difference(contents);
            if (differs == null) {
                differs = keyspacesDifference(
                        contents.keySet(), promise, number > promise.settled ? state.deleted() : null);
            }
            if (differs == null) {
                return number;
            }
            difference = difference == null ? differs : difference;
        }
        throw new CrashCheck.Violation("after commit " + least + " (forced " + promise.forced() + ", acknowledged "
                + promise.acknowledged() + ", attempted " + to + "): " + difference);
    }

    private static @Nullable String keyspacesDifference(Set<String> names, Promise promise, @Nullable String deleted) {
        Set<String> expected = new HashSet<>(promise.keyspaces);
        Set<String> possible = new HashSet<>(promise.begun);
        if (deleted != null) {
            expected.remove(deleted);
            possible.remove(deleted);
        }
        return names.containsAll(expected) && possible.containsAll(names)
                ? null : "keyspaces " + names + " instead of " + expected + ", or " + possible + " at most";
    }

    /** How the answer for one key differs from every one of the states from one commit to another; null if it does not. */
    @Nullable String differenceFromAll(Keyspace keyspace, String key, int from, int to) {
        byte[] found = keyspace.get(bytes(key));
        for (int number = from; number <= to; number++) {
            if (state(number).isRight(keyspace.name(), key, found)) {
                return null;
            }
        }
        return "keyspace " + keyspace.name() + ", key " + key + ": " + CommitState.text(found) + ", which no state from " + from
                + " to " + to + " has";
    }
}
