package io.firn.block;

import io.firn.entry.Trailer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;

/** Entries in entry order: what blocks and tables are compared with. */
public final class EntryModel {
    /** An entry as the model keeps it. */
    public record Entry(byte[] key, long trailer, byte[] value) {
        public long seqno() {
            return Trailer.seqno(trailer);
        }

        @Override
        public String toString() {
            return "key of " + key.length + " bytes " + Arrays.toString(Arrays.copyOf(key, Math.min(12, key.length)))
                    + " @" + seqno();
        }
    }

    public static final Comparator<Entry> ORDER = (a, b) -> {
        int order = Arrays.compareUnsigned(a.key, b.key);
        return order != 0 ? order : Long.compareUnsigned(b.trailer, a.trailer);
    };

    /** How the keys look. */
    public enum Keys { COUNTED, DENSE, SHORT, MIXED, LONG }

    public final List<Entry> entries;

    private EntryModel(List<Entry> entries) {
        this.entries = entries;
    }

    public static EntryModel of(List<Entry> sorted) {
        return new EntryModel(sorted);
    }

    /** About so many random entries, with {@code versionsMax} versions of a key at most. */
    public static EntryModel random(Random random, int count, Keys keys, int versionsMax, int valueBytesMax) {
        TreeSet<Entry> sorted = new TreeSet<>(ORDER);
        byte[] prefix = new byte[random.nextInt(12)];
        random.nextBytes(prefix);
        while (sorted.size() < count) {
            byte[] key = key(random, keys, prefix, count);
            int versions = random.nextInt(3) == 0 ? 1 + random.nextInt(versionsMax) : 1;
            for (int i = 0; i < versions; i++) {
                long seqno = switch (random.nextInt(20)) {
                    case 0 -> 0;
                    case 1 -> Trailer.SEQNO_MAX;
                    case 2 -> random.nextLong() & Trailer.SEQNO_MAX;
                    default -> 1000 + random.nextInt(100 + 4 * count);
                };
                int type = random.nextInt(8) == 0 ? 1 + random.nextInt(2) : Trailer.VALUE;
                Entry entry = new Entry(key, Trailer.of(seqno, type), value(random, type, valueBytesMax));
                Entry like = sorted.ceiling(new Entry(key, Trailer.of(seqno, Trailer.ANY_TYPE), key));
                if (like == null || !Arrays.equals(like.key, key) || like.seqno() != seqno) {
                    sorted.add(entry);
                }
            }
            if (random.nextInt(count * 20) == 0) {
                break;
            }
        }
        return new EntryModel(new ArrayList<>(sorted));
    }

    private static byte[] key(Random random, Keys keys, byte[] prefix, int count) {
        switch (keys) {
            case COUNTED -> {
                byte[] key = Arrays.copyOf(prefix, prefix.length + 8);
                int number = random.nextInt(4 * count);
                for (int i = 0; i < 4; i++) {
                    key[prefix.length + i] = (byte) (number >>> 24 - 8 * i);
                }
                return key;
            }
            case DENSE -> {
                byte[] key = new byte[1 + random.nextInt(12)];
                for (int i = 0; i < key.length; i++) {
                    key[i] = (byte) (random.nextInt(4) == 0 ? -1 : random.nextInt(2));
                }
                return key;
            }
            case SHORT -> {
                byte[] key = new byte[1 + random.nextInt(2)];
                random.nextBytes(key);
                return key;
            }
            case MIXED -> {
                byte[] tail = new byte[1 + random.nextInt(40)];
                random.nextBytes(tail);
                int kept = random.nextInt(prefix.length + 1);
                byte[] key = Arrays.copyOf(prefix, kept + tail.length);
                System.arraycopy(tail, 0, key, kept, tail.length);
                return key;
            }
            default -> {
                byte[] key = new byte[random.nextInt(4) == 0 ? 65_535 : 1 + random.nextInt(65_535)];
                if (random.nextBoolean()) {
                    random.nextBytes(key);
                } else {
                    key[key.length - 1] = (byte) random.nextInt(256);
                }
                return key;
            }
        }
    }

    private static byte[] value(Random random, int type, int valueBytesMax) {
        if (type != Trailer.VALUE || random.nextInt(10) == 0) {
            return new byte[0];
        }
        byte[] value = new byte[random.nextInt(valueBytesMax + 1)];
        if (random.nextBoolean()) {
            random.nextBytes(value);
        } else {
            Arrays.fill(value, (byte) random.nextInt());
        }
        return value;
    }

    public int size() {
        return entries.size();
    }

    public Entry at(int index) {
        return entries.get(index);
    }

    /** The index of the first entry at or after (key, trailer). */
    public int lower(byte[] key, long trailer) {
        int low = 0;
        int high = entries.size();
        Entry target = new Entry(key, trailer, key);
        while (low < high) {
            int middle = low + high >>> 1;
            if (ORDER.compare(entries.get(middle), target) < 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** The index of the last entry at or before (key, trailer); -1 if there is none. */
    public int floor(byte[] key, long trailer) {
        int lower = lower(key, trailer);
        return lower < size() && entries.get(lower).trailer == trailer && Arrays.equals(entries.get(lower).key, key)
                ? lower
                : lower - 1;
    }

    /** The newest version of a key at or below a seqno; null if there is none. */
    public Entry get(byte[] key, long seqno) {
        int lower = lower(key, Trailer.of(seqno, Trailer.ANY_TYPE));
        return lower < size() && Arrays.equals(entries.get(lower).key, key) ? entries.get(lower) : null;
    }

    /** A key that is in the model, or near one that is. */
    public byte[] keyNear(Random random) {
        byte[] key = entries.get(random.nextInt(size())).key;
        return switch (random.nextInt(6)) {
            case 0 -> key.length < 65_535 ? Arrays.copyOf(key, key.length + 1) : key;
            case 1 -> key.length > 1 ? Arrays.copyOf(key, key.length - 1) : key;
            case 2 -> {
                byte[] changed = key.clone();
                changed[random.nextInt(key.length)] += (byte) (random.nextBoolean() ? 1 : -1);
                yield changed;
            }
            default -> key;
        };
    }

    /** A seqno of the model, or near one. */
    public long seqnoNear(Random random) {
        long seqno = entries.get(random.nextInt(size())).seqno() + random.nextInt(3) - 1;
        return random.nextInt(4) == 0 ? Trailer.SEQNO_MAX : Math.max(0, Math.min(Trailer.SEQNO_MAX, seqno));
    }
}
