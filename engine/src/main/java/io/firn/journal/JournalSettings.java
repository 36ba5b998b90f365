package io.firn.journal;

/**
 * The sizes of a journal: its first file, doubled at each rotation up to the largest, and how much may be unforced
 * while durable commits occur.
 */
public record JournalSettings(long firstFileBytes, long maxFileBytes, long forceAfterBytes) {
    private static final long MEBIBYTE = 1 << 20;

    /** Files that start small, and of which several fit into what may be left unretired. */
    public static JournalSettings within(long leftBytesMax) {
        return new JournalSettings(4 * MEBIBYTE, Math.min(16 * MEBIBYTE, leftBytesMax / 4), MEBIBYTE);
    }

    public JournalSettings {
        if (firstFileBytes < JournalFormat.FILE_BYTES_MIN || firstFileBytes % 8 != 0) {
            throw new IllegalArgumentException("a first journal file of " + firstFileBytes + " bytes");
        }
        if (maxFileBytes < firstFileBytes || maxFileBytes % 8 != 0) {
            throw new IllegalArgumentException("a largest journal file of " + maxFileBytes + " bytes");
        }
        if (forceAfterBytes < 1) {
            throw new IllegalArgumentException("a force after " + forceAfterBytes + " bytes");
        }
    }
}
