package io.firn.ffm.codec;

/** The ways in which bytes are stored. The ids are part of every format that holds such bytes: they never change. */
public enum Codec {
    NONE(0),
    LZ4(1),
    ZSTD(2);

    private static final Codec[] BY_ID = values();

    private final int id;

    Codec(int id) {
        this.id = id;
    }

    public int id() {
        return id;
    }

    public static boolean isId(int id) {
        return 0 <= id && id < BY_ID.length;
    }

    /** The codec of an id that was checked by {@link #isId}. */
    public static Codec ofId(int id) {
        return BY_ID[id];
    }
}
