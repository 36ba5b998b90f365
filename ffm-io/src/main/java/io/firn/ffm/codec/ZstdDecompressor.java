package io.firn.ffm.codec;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * Decompresses zstd frames by zstd-jni, with one context for all of them: a context a call would take 8 microseconds.
 *
 * <p>Invariants: (1) a frame whose declared content size is not what is expected is refused before anything is written.
 * (2) The library gets the target's exact length, so that a frame which lies cannot write past it. (3) The context's
 * memory is the library's; a ceiling of it is charged to the budget.
 *
 * <p>Threads: one at a time. Closed by: its holder.
 */
final class ZstdDecompressor implements Decompressor {
    private static final long CONTEXT_BYTES = 160 * 1024;

    private final MemoryBudget budget;
    private final ZstdDecompressCtx context = new ZstdDecompressCtx();
    private final View sources = new View();
    private final View targets = new View();
    private boolean isClosed;

    ZstdDecompressor(MemoryBudget budget) {
        this.budget = budget;
        budget.overdraw(CONTEXT_BYTES);
    }

    @Override
    public boolean decompress(
            MemorySegment source, long sourceOffset, int sourceLength,
            MemorySegment target, long targetOffset, int targetLength) {
        ByteBuffer from = sources.of(source, sourceOffset, sourceLength);
        ByteBuffer to = targets.of(target, targetOffset, targetLength);
        int fromIndex = sources.indexOf(sourceOffset);
        if (sourceLength == 0
                || Zstd.getDirectByteBufferFrameContentSize(from, fromIndex, sourceLength) != targetLength) {
            return false;
        }
        try {
            int length = context.decompressDirectByteBuffer(
                    to, targets.indexOf(targetOffset), targetLength, from, fromIndex, sourceLength);
            return length == targetLength;
        } catch (ZstdException e) {
            // How the library says that a frame is malformed.
            return false;
        }
    }

    @Override
    public void close() {
        if (!isClosed) {
            isClosed = true;
            context.close();
            budget.release(CONTEXT_BYTES);
        }
    }
}
