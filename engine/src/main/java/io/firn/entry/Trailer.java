package io.firn.entry;

/** Seqno and type of an entry in one word. The types are part of every format: they never change. */
public final class Trailer {
    public static final int VALUE = 0;
    public static final int TOMBSTONE = 1;
    public static final int WEAK_TOMBSTONE = 2;
    /** A value that stands in a blob file; what stands in its place is a {@link BlobHandle}. In tables alone. */
    public static final int SEPARATED = 3;

    /** Above every type: {@code of(seqno, ANY_TYPE)} stands before every entry of that seqno. */
    public static final int ANY_TYPE = 0xFF;

    public static final long SEQNO_MAX = (1L << 56) - 1;

    private Trailer() {}

    public static long of(long seqno, int type) {
        assert 0 <= seqno && seqno <= SEQNO_MAX : seqno;
        return seqno << 8 | type;
    }

    public static long seqno(long trailer) {
        return trailer >>> 8;
    }

    public static int type(long trailer) {
        return (int) trailer & 0xFF;
    }

    public static boolean isTombstone(long trailer) {
        int type = type(trailer);
        return type == TOMBSTONE || type == WEAK_TOMBSTONE;
    }

    public static boolean isSeparated(long trailer) {
        return type(trailer) == SEPARATED;
    }

    /** Whether a journal may hold an entry of this type. */
    public static boolean isWrittenType(int type) {
        return VALUE <= type && type <= WEAK_TOMBSTONE;
    }

    /** Whether a table may hold an entry of this type. */
    public static boolean isStoredType(int type) {
        return VALUE <= type && type <= SEPARATED;
    }
}
