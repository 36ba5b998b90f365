package io.firn.blob;

import io.firn.block.BlockOutput;
import io.firn.error.StorageException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.file.AppendFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Writes one blob file, value by value.
 *
 * <p>Invariants: (1) a value that is stored as it is takes at least the granule that the header tells. (2) In steady state a value
 * allocates nothing on the heap.
 *
 * <p>Threads: one at a time. Closed by: its creator; without {@link #finish} the file is worth nothing, and the caller deletes it.
 */
public final class BlobWriter implements AutoCloseable {
    private final AppendFile file;
    private final BlockOutput output;
    private final int valueBytesMin;

    private long valueCount;
    private long storedBytes;
    private boolean isFinished;
    private boolean isClosed;

    /** Takes the file over, which is empty. No value of fewer than {@code valueBytesMin} will be added. */
    public BlobWriter(AppendFile file, long fileId, int valueBytesMin, Codec codec, MemoryBudget budget)
            throws IOException {
        this.file = file;
        this.valueBytesMin = valueBytesMin;
        output = new BlockOutput(file, fileId, codec, Codec.NONE, budget);
        MemorySegment header = output.frameMemory().atLeast(BlobFormat.HEADER_BYTES);
        BlobFormat.encodeHeader(
                header, fileId, new BlobFormat.Header(codec, BlobFormat.granuleShift(valueBytesMin)));
        output.append(header, 0, BlobFormat.HEADER_BYTES);
    }

    /** Adds a value; answers the offset of its frame. */
    public long add(MemorySegment value, long valueOffset, int valueLength) throws IOException {
        assert !isFinished && valueLength >= valueBytesMin : "a value of " + valueLength + " bytes";
        long offset = output.writeBlob(value, valueOffset, valueLength);
        valueCount++;
        storedBytes += output.lastStoredBytes();
        output.align(BlobFormat.ALIGNMENT_BYTES);
        return offset;
    }

    /** What the last value takes as it is stored. */
    public int lastStoredBytes() {
        return output.lastStoredBytes();
    }

    public long valueCount() {
        return valueCount;
    }

    /** All values as they are stored, without their frames. */
    public long storedBytes() {
        return storedBytes;
    }

    /** The size of the file if it were finished now. */
    public long fileBytes() {
        return output.positionBytes();
    }

    /** Forces the file. */
    public void finish() throws IOException {
        isFinished = true;
        output.force();
        // Crash here: the file is whole, but no manifest names it: it is swept after the replay.
    }

    /** Frees the memory and closes the file. */
    @Override
    public void close() {
        if (isClosed) {
            return;
        }
        isClosed = true;
        output.close();
        try {
            file.close();
        } catch (IOException e) {
            throw new StorageException(e);
        }
    }
}
