package io.firn.blob;

import io.firn.block.BlockFile;
import io.firn.block.BlockFrame;
import io.firn.block.BlockType;
import io.firn.block.VerifiedBits;
import io.firn.cache.BlockCache;
import io.firn.cache.CachedType;
import io.firn.entry.BlobHandle;
import io.firn.entry.HeldBlock;
import io.firn.entry.ReadCounts;
import io.firn.error.CodecMissingException;
import io.firn.error.CorruptionException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Codecs;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.file.Storage;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Scratch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A blob file, read through a mapping.
 *
 * <p>Invariants: (1) no byte of a value is handed out before its frame was verified. (2) A value that is stored as it is is read in place, at
 * any size; a compressed one is unpacked, and shared by way of the cache.
 *
 * <p>Threads: any; {@code close} the maintenance thread alone. Closed by: whoever released it last; open tables hold it. A late access
 * throws IllegalStateException.
 */
public final class BlobFile {
    private final Path path;
    private final long id;
    private final MappedFile mapping;
    private final MemorySegment file;
    private final BlobFormat.Header header;
    private final @Nullable BlockCache cache;

    /** A bit for each granule that a frame begins in. */
    private final VerifiedBits verified;

    private final AtomicInteger references = new AtomicInteger();
    private volatile boolean isDoomed;

    /** Opens a blob file that the manifest names, and whose length it knows. Compressed values go through the cache, if there is one. */
    public static BlobFile open(
            Storage storage, Path path, long id, long fileBytes, @Nullable BlockCache cache, MemoryBudget budget)
            throws IOException {
        if (fileBytes < BlobFormat.HEADER_BYTES || fileBytes % BlobFormat.ALIGNMENT_BYTES != 0) {
            throw new CorruptionException(path, 0, "a blob file of a multiple of " + BlobFormat.ALIGNMENT_BYTES + " bytes",
                    fileBytes + " bytes");
        }
        MappedFile mapping = BlockFile.map(storage, path, fileBytes, "a blob file");
        boolean isOpen = false;
        try (Scratch memory = Scratch.confined(budget)) {
            BlobFile opened = new BlobFile(path, id, mapping, memory.atLeast(BlobFormat.HEADER_BYTES), cache);
            isOpen = true;
            return opened;
        } finally {
            if (!isOpen) {
                mapping.close();
            }
        }
    }

    private BlobFile(Path path, long id, MappedFile mapping, MemorySegment memory, @Nullable BlockCache cache) {
        this.path = path;
        this.id = id;
        this.mapping = mapping;
        this.cache = cache;
        file = mapping.bytes();
        memory.fill((byte) 0);
        MemorySegment.copy(file, 0, memory, 0, BlobFormat.HEADER_BYTES);
        MappedFile.deliverFault();
        header = BlobFormat.decodeHeader(path, id, memory);
        if (!Codecs.isAvailable(header.codec())) {
            throw new CodecMissingException(
                    path + ": compressed by " + header.codec() + ", which needs native access; it is not enabled");
        }
        verified = new VerifiedBits((file.byteSize() >>> header.granuleShift()) + 1);
    }

    /** Holds the value that a handle names. */
    public void hold(MemorySegment handles, long handleAt, HeldBlock holder) {
        hold(handles, handleAt, holder, cache);
    }

    /** The same, for who reads each value once: a compressed one is unpacked for him alone. */
    public void holdOnce(MemorySegment handles, long handleAt, HeldBlock holder) {
        hold(handles, handleAt, holder, null);
    }

    /** Small, with what happens seldom apart: it becomes part of every read. */
    private void hold(MemorySegment handles, long handleAt, HeldBlock holder, @Nullable BlockCache used) {
        long offset = BlobHandle.offset(handles, handleAt);
        int stored = BlobHandle.storedBytes(handles, handleAt);
        int plain = BlobHandle.valueBytes(handles, handleAt);
        if (offset % BlobFormat.ALIGNMENT_BYTES != 0 || offset < BlobFormat.HEADER_BYTES
                || !BlockFrame.isPlaceable(offset, stored, plain, header.codec() != Codec.NONE, file.byteSize())) {
            throw refused(offset, stored, plain);
        }
        if (stored == plain) {
            if (verified.isSet((int) (offset >>> header.granuleShift()))) {
                holder.countInPlace(ReadCounts.BLOB);
            } else {
                verify(offset, stored, holder);
            }
            holder.hold(file, offset + BlockFrame.HEADER_BYTES, plain);
        } else if (used != null && used.hold(CachedType.BLOB, id, offset, plain, holder)) {
            holder.countCached(ReadCounts.BLOB);
        } else {
            unpack(offset, stored, plain, holder, used);
        }
    }

    private void verify(long offset, int length, HeldBlock holder) {
        BlockFrame.verify(
                path, id, file, offset, BlockType.BLOB, Codec.NONE, length, length, holder.stored(), holder.crc());
        verified.set((int) (offset >>> header.granuleShift()));
        holder.countLoaded(ReadCounts.BLOB, length);
    }

    private void unpack(long offset, int stored, int plain, HeldBlock holder, @Nullable BlockCache used) {
        MemorySegment value = holder.beginUnpacking(plain);
        BlockFrame.unpack(path, id, file, offset, BlockType.BLOB, header.codec(), stored, plain, holder, value, 0);
        holder.countLoaded(ReadCounts.BLOB, stored);
        holder.holdUnpacked(plain);
        if (used != null) {
            used.keep(CachedType.BLOB, id, offset, plain, holder);
        }
    }

    private CorruptionException refused(long offset, long stored, long plain) {
        return new CorruptionException(path, offset, "a value at a multiple of " + BlobFormat.ALIGNMENT_BYTES + " before "
                + file.byteSize(), "one of " + stored + " bytes stored, " + plain + " plain, at " + offset);
    }

    /** Reads every value's frame; answers how many there are. */
    public long verify(MemoryBudget budget) {
        long count = 0;
        Crc32c crc = new Crc32c();
        try (Scratch frameHeader = Scratch.confined(budget); Scratch memory = Scratch.confined(budget)) {
            MemorySegment copy = frameHeader.atLeast(BlockFrame.HEADER_BYTES);
            long offset = BlobFormat.HEADER_BYTES;
            while (offset < file.byteSize()) {
                if (file.byteSize() - offset < BlockFrame.OVERHEAD_BYTES) {
                    throw new CorruptionException(path, offset, "a frame", (file.byteSize() - offset) + " bytes");
                }
                MemorySegment.copy(file, offset, copy, 0, BlockFrame.HEADER_BYTES);
                MappedFile.deliverFault();
                long stored = BlockFrame.storedBytes(copy, 0);
                long plain = BlockFrame.plainBytes(copy, 0);
                if (!BlockFrame.isPlaceable(offset, stored, plain, header.codec() != Codec.NONE, file.byteSize())) {
                    throw refused(offset, stored, plain);
                }
                BlockFrame.verify(path, id, file, offset, BlockType.BLOB, stored == plain ? Codec.NONE : header.codec(),
                        (int) stored, (int) plain, memory, crc);
                long end = offset + BlockFrame.OVERHEAD_BYTES + stored;
                offset = Math.ceilDiv(end, BlobFormat.ALIGNMENT_BYTES) * BlobFormat.ALIGNMENT_BYTES;
                checkZeros(end, offset);
                count++;
            }
        }
        return count;
    }

    private void checkZeros(long from, long to) {
        for (long at = from; at < to; at++) {
            byte found = file.get(Layouts.BYTE, at);
            if (found != 0) {
                throw new CorruptionException(path, at, "zeros up to " + to, "byte " + Byte.toUnsignedInt(found));
            }
        }
    }

    public long id() {
        return id;
    }

    public Path path() {
        return path;
    }

    public long fileBytes() {
        return file.byteSize();
    }

    /** Counts one more that holds it. */
    public void retain() {
        references.incrementAndGet();
    }

    /** Counts one less; the last closes it. */
    public void release() {
        int left = references.decrementAndGet();
        assert left >= 0 : path + ": released more often than retained";
        if (left == 0) {
            close();
        }
    }

    /** No table names it any more: what the cache has of it is of no use when it is closed. */
    public void doom() {
        isDoomed = true;
    }

    private void close() {
        if (isDoomed && cache != null) {
            cache.purge(id);
        }
        mapping.close();
    }
}
