package io.firn.ffm.codec;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/**
 * Decompresses LZ4 blocks by lz4-java's native code; always its safe decompressor, which knows both lengths.
 *
 * <p>Threads: one at a time. Closed by: its holder.
 */
final class NativeLz4Decompressor implements Decompressor {
    private final LZ4SafeDecompressor decompressor = LZ4Factory.nativeInstance().safeDecompressor();
    private final View sources = new View();
    private final View targets = new View();

    @Override
    public boolean decompress(
            MemorySegment source, long sourceOffset, int sourceLength,
            MemorySegment target, long targetOffset, int targetLength) {
        ByteBuffer from = sources.of(source, sourceOffset, sourceLength);
        ByteBuffer to = targets.of(target, targetOffset, targetLength);
        try {
            int length = decompressor.decompress(
                    from, sources.indexOf(sourceOffset), sourceLength,
                    to, targets.indexOf(targetOffset), targetLength);
            return length == targetLength;
        } catch (LZ4Exception e) {
            // How the library says that a block is malformed.
            return false;
        }
    }

    @Override
    public void close() {}
}
