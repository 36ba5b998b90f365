package io.firn.ffm.codec;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * CRC32C over private native memory, seeded with two words that tell where the bytes belong, so that a block or record
 * in the wrong place is as wrong as a changed one.
 *
 * <p>Threads: one at a time.
 */
public final class Crc32c {
    /** What is longer is taken in pieces, since a buffer reaches 2 GiB at most. */
    private static final int PIECE_BYTES_MAX = 1 << 30;

    private final CRC32C crc = new CRC32C();
    private final View sources = new View();

    /** The checksum of a run of bytes that belongs to a place in the file of an identity. */
    public int of(long identity, long place, MemorySegment source, long offset, long length) {
        start();
        update(source, offset, length);
        return finish(identity, place);
    }

    /** Starts a checksum that is taken in pieces: start, update..., finish. */
    public void start() {
        crc.reset();
    }

    public void update(MemorySegment source, long offset, long length) {
        long at = offset;
        for (long left = length; left > 0; left -= PIECE_BYTES_MAX, at += PIECE_BYTES_MAX) {
            int piece = (int) Math.min(left, PIECE_BYTES_MAX);
            ByteBuffer view = sources.of(source, at, piece);
            int index = sources.indexOf(at);
            view.limit(index + piece).position(index);
            crc.update(view);
        }
    }

    public int finish(long identity, long place) {
        return (int) crc.getValue() ^ seed(identity, place);
    }

    private static int seed(long identity, long place) {
        long mixed = (identity + 0x9E3779B97F4A7C15L) * 0xBF58476D1CE4E5B9L
                ^ (place + 0x94D049BB133111EBL) * 0xD6E8FEB86659FD93L;
        mixed ^= mixed >>> 29;
        mixed *= 0x94D049BB133111EBL;
        return (int) (mixed >>> 32);
    }
}
