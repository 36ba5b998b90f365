package io.firn.block;

/** What a block holds. The ids are part of the format: they never change. */
public enum BlockType {
    /** Entries. */
    DATA(1),
    /** Handles of data blocks: a full index or a partition of one. */
    INDEX(2),
    /** Handles of index partitions. */
    INDEX_TOP(3),
    /** The bits of a filter or of a partition of one. */
    FILTER(4),
    /** Handles of filter partitions. */
    FILTER_TOP(5),
    /** What a table says about itself. */
    PROPERTIES(6),
    /** One value, in a blob file. */
    BLOB(7);

    private final int id;

    BlockType(int id) {
        this.id = id;
    }

    public int id() {
        return id;
    }

    public static boolean isId(int id) {
        return DATA.id <= id && id <= BLOB.id;
    }

    /** The type of an id that was checked by {@link #isId}. */
    public static BlockType ofId(int id) {
        return switch (id) {
            case 1 -> DATA;
            case 2 -> INDEX;
            case 3 -> INDEX_TOP;
            case 4 -> FILTER;
            case 5 -> FILTER_TOP;
            case 6 -> PROPERTIES;
            default -> BLOB;
        };
    }
}
