package io.firn.model;

import io.firn.config.PersistMode;
import io.firn.ffm.sim.CrashImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A list of random steps, as a seed gives it. Each list has a temper of its own: how many keys there are, how large the
 * values, and how often each kind of step comes, some never.
 *
 * <p>Threads: one.
 */
final class Steps {
    private static final List<String> KEYSPACES = List.of("a", "b", "c");
    private static final int SLOTS = 4;
    private static final int CHECK_STEPS = 1000;
    private static final int IMAGES = 8;
    private static final String[] PREFIXES = {
        "", "a", "ab", "ab/", "ab/cd/", "user/0000", "%00", "%ff", "%ff%ff", "a%00", "a%ff", "(x*70)"
    };
    private static final String[] LETTERS = {"a", "b", "c", "%00", "%ff", "0", "z"};

    private final Random random;
    private final List<Key> keys = new ArrayList<>();
    private final Map<What, Integer> weights = new EnumMap<>(What.class);
    private final int weightSum;
    private final int valueScale;
    private final double skew;
    private final boolean isPowerLost;
    private int values;

    /** Kinds of steps with their weights. */
    private enum What {
        PUT(100), REMOVE(50), REMOVE_WEAK(20), BATCH(20), INGEST(5), GET(100), MULTI_GET(10), ENDS(5), SCAN(40), SEEK(100), MOVE(100), CURSOR(25),
        SNAPSHOT(10), PERSIST(2), REFUSE(1), ROTATE(2), FLUSH(2), COMPACT(1), CLEAR(1), DROP_RANGE(4), DELETE_KEYSPACE(1), REOPEN(1), CRASH(1);

        final int weight;

        What(int weight) {
            this.weight = weight;
        }

        boolean isLeftOutAtTimes() {
            return this != PUT && this != GET;
        }
    }

    private Steps(long seed) {
        random = new Random(seed);
        int keyCount = new int[] {3, 20, 60, 150, 400}[random.nextInt(5)];
        TreeSet<Key> all = new TreeSet<>();
        while (all.size() < keyCount) {
            all.add(newKey(keyCount));
        }
        keys.addAll(all);
        java.util.Collections.shuffle(keys, random);
        skew = 1 + 2 * random.nextDouble();
        valueScale = random.nextInt(4);
        isPowerLost = random.nextInt(4) == 0;
        for (What what : What.values()) {
            int factor = random.nextInt(6);
            boolean isLeftOut = factor == 0 && what.isLeftOutAtTimes();
            weights.put(what, isLeftOut ? 0 : what.weight * (factor == 5 ? 3 : 1));
        }
        weightSum = weights.values().stream().mapToInt(Integer::intValue).sum();
    }

    static List<Step> of(long seed, int count) {
        Steps steps = new Steps(seed);
        List<Step> list = new ArrayList<>();
        while (list.size() < count) {
            list.add(list.size() % CHECK_STEPS == CHECK_STEPS - 1 ? new Step.Check() : steps.next());
        }
        return list;
    }

    /** Whether what a list leaves does not depend on what was forced when the power went. */
    static boolean isWithoutLossOfPower(List<Step> steps) {
        return steps.stream().noneMatch(step -> step instanceof Step.Crash crash && crash.image() != CrashImage.EVERYTHING);
    }

    private Step next() {
        return switch (what()) {
            case PUT -> put(keyspace());
            case REMOVE -> new Step.Remove(keyspace(), key());
            case REMOVE_WEAK -> new Step.RemoveWeak(keyspace(), key());
            case BATCH -> new Step.Batch(mode(), writes(null));
            case INGEST -> {
                String into = keyspace();
                Step.Ending ending = random.nextInt(6) == 0 ? Step.Ending.DISCARDED : Step.Ending.FINISHED;
                yield new Step.Ingest(into, ending, writes(into));
            }
            case GET -> new Step.Get(snapshot(), keyspace(), keyOrOther());
            case MULTI_GET -> new Step.MultiGet(snapshot(), keyspace(), keyList());
            case ENDS -> new Step.Ends(snapshot(), keyspace());
            case SCAN -> new Step.Scan(snapshot(), keyspace(), any(Step.Way.values()), range());
            case SEEK -> new Step.Seek(slot(), any(Step.SeekKind.values()), keyOrOther());
            case MOVE -> new Step.Move(slot(), move());
            case CURSOR -> random.nextInt(4) == 0
                    ? new Step.CloseCursor(slot())
                    : new Step.OpenCursor(slot(), snapshot(), keyspace(), random.nextBoolean() ? Range.ALL : range());
            case SNAPSHOT -> random.nextInt(3) == 0 ? new Step.CloseSnapshot(slot()) : new Step.OpenSnapshot(slot());
            case PERSIST -> new Step.Persist(any(PersistMode.values()));
            case REFUSE -> new Step.Refuse(keyspace(), random.nextBoolean() ? 0 : 65_536);
            case ROTATE -> new Step.Rotate(keyspace());
            case FLUSH -> new Step.Flush(keyspace());
            case COMPACT -> random.nextInt(3) == 0
                    ? new Step.MajorCompact(keyspace())
                    : new Step.Compact(keyspace(), any(Step.Strategy.values()));
            case CLEAR -> new Step.Clear(keyspace());
            case DROP_RANGE -> new Step.DropRange(keyspace(), range());
            case DELETE_KEYSPACE -> new Step.DeleteKeyspace(keyspace());
            case REOPEN -> new Step.Reopen();
            case CRASH -> new Step.Crash(isPowerLost ? random.nextInt(IMAGES) : CrashImage.EVERYTHING);
        };
    }

    private What what() {
        int left = random.nextInt(weightSum);
        for (Map.Entry<What, Integer> each : weights.entrySet()) {
            left -= each.getValue();
            if (left < 0) {
                return each.getKey();
            }
        }
        throw new AssertionError("the weights do not add up");
    }

    @SafeVarargs
    private <T> T any(T... of) {
        return of[random.nextInt(of.length)];
    }

    // ---- parts

    private String keyspace() {
        return KEYSPACES.get(Math.min(random.nextInt(KEYSPACES.size()), random.nextInt(KEYSPACES.size())));
    }

    private int slot() {
        return random.nextInt(SLOTS);
    }

    private int snapshot() {
        return random.nextInt(3) == 0 ? slot() : Step.NOW;
    }

    /** The same moves again and again, with changes of direction. */
    private Step.Kind move() {
        return switch (random.nextInt(12)) {
            case 0 -> Step.Kind.FIRST;
            case 1 -> Step.Kind.LAST;
            case 2 -> Step.Kind.NEXT_FRONT;
            case 3 -> Step.Kind.NEXT_BACK;
            case 4, 5, 6, 7 -> Step.Kind.PREVIOUS;
            default -> Step.Kind.NEXT;
        };
    }

    private Step.Put put(String keyspace) {
        return new Step.Put(keyspace, key(), new Value(valueLength(), ++values));
    }

    private PersistMode mode() {
        return random.nextInt(4) == 0 ? any(PersistMode.values()) : PersistMode.BUFFER;
    }

    /** Over all keyspaces, or in the given one. */
    private List<Step.Write> writes(@Nullable String only) {
        List<Step.Write> writes = new ArrayList<>();
        for (int left = random.nextInt(3) == 0 ? random.nextInt(40) : random.nextInt(5); left > 0; left--) {
            String keyspace = only == null ? keyspace() : only;
            writes.add(switch (random.nextInt(6)) {
                case 0 -> new Step.Remove(keyspace, key());
                case 1 -> new Step.RemoveWeak(keyspace, key());
                default -> put(keyspace);
            });
        }
        return writes;
    }

    /** Small ones mostly; now and then one that is larger than blocks, memtables, journal files. */
    private int valueLength() {
        return switch (random.nextInt(valueScale == 0 ? 60 : 240 / valueScale)) {
            case 0 -> random.nextInt(20) == 0 ? 70_000 + random.nextInt(50_000) : 4_000 + random.nextInt(6_000);
            case 1, 2, 3 -> 1_000 + random.nextInt(2_000);
            case 4, 5, 6, 7, 8, 9 -> random.nextInt(400);
            case 10, 11, 12, 13 -> 0;
            default -> random.nextInt(20 << valueScale);
        };
    }

    private Key key() {
        int index = (int) (keys.size() * Math.pow(random.nextDouble(), skew));
        return keys.get(index);
    }

    /** One of the keys mostly, or one that lies between them. */
    private Key keyOrOther() {
        Key key = key();
        byte[] bytes = key.bytes();
        return switch (random.nextInt(12)) {
            case 0 -> bytes.length == 1 ? key : new Key(Arrays.copyOf(bytes, bytes.length - 1));
            case 1 -> bytes.length == 65_535 ? key : new Key(Arrays.copyOf(bytes, bytes.length + 1));
            case 2 -> {
                byte[] changed = bytes.clone();
                changed[changed.length - 1] += random.nextBoolean() ? (byte) 1 : -1;
                yield new Key(changed);
            }
            default -> key;
        };
    }

    private List<Key> keyList() {
        List<Key> list = new ArrayList<>();
        for (int left = random.nextInt(12); left > 0; left--) {
            list.add(keyOrOther());
        }
        return list;
    }

    private Range range() {
        Key one = keyOrOther();
        Key other = keyOrOther();
        if (random.nextInt(3) == 0) {
            int length = random.nextInt(Math.min(one.bytes().length, 6) + 1);
            Key prefix = new Key(Arrays.copyOf(one.bytes(), Math.max(1, length)));
            return random.nextInt(3) == 0
                    ? new Range(Range.Lower.PREFIX, prefix, random.nextBoolean() ? Range.Upper.TO : Range.Upper.UNTIL, other)
                    : new Range(Range.Lower.PREFIX, prefix, Range.Upper.NONE, null);
        }
        boolean isInverted = random.nextInt(10) == 0;
        boolean isAscending = one.compareTo(other) <= 0;
        Key low = isAscending != isInverted ? one : other;
        Key high = isAscending != isInverted ? other : one;
        Range.Lower lower = random.nextInt(5) == 0 ? Range.Lower.NONE : any(Range.Lower.FROM, Range.Lower.AFTER);
        Range.Upper upper = random.nextInt(5) == 0 ? Range.Upper.NONE : any(Range.Upper.TO, Range.Upper.UNTIL);
        return new Range(
                lower, lower == Range.Lower.NONE ? null : low, upper, upper == Range.Upper.NONE ? null : high);
    }

    private Key newKey(int keyCount) {
        if (random.nextInt(1500) == 0) {
            return Key.parse("(k*65534)" + any(LETTERS));
        }
        StringBuilder text = new StringBuilder(any(PREFIXES));
        int letters = random.nextInt(keyCount < 10 ? 2 : 5);
        for (int i = 0; i < letters; i++) {
            text.append(any(LETTERS));
        }
        return text.isEmpty() ? Key.of(random.nextInt(256)) : Key.parse(text.toString());
    }
}
