package io.firn.ffm.codec;

import io.firn.ffm.budget.MemoryBudget;

/**
 * Opens compressors and decompressors: the native ones where they may be used (R26), else their twins in Java. zstd has
 * no twin.
 *
 * <p>Threads: any.
 */
public final class Codecs {
    private Codecs() {}

    public static boolean isAvailable(Codec codec) {
        return switch (codec) {
            case NONE, LZ4 -> true;
            case ZSTD -> NativeLibraries.HAS_ZSTD;
        };
    }

    /** REQUIRES: a codec that compresses. {@link CodecUnavailableException} if it is not available. */
    public static Compressor compressor(Codec codec, MemoryBudget budget) {
        checkAvailable(codec);
        return switch (codec) {
            case NONE -> throw new IllegalArgumentException("what is stored as it is needs no compressor");
            case LZ4 -> NativeLibraries.HAS_LZ4 ? new NativeLz4Compressor(budget) : new Lz4Compressor(budget);
            case ZSTD -> new ZstdCompressor(budget);
        };
    }

    /** REQUIRES: a codec that compresses. {@link CodecUnavailableException} if it is not available. */
    public static Decompressor decompressor(Codec codec, MemoryBudget budget) {
        checkAvailable(codec);
        return switch (codec) {
            case NONE -> throw new IllegalArgumentException("what is stored as it is needs no decompressor");
            case LZ4 -> NativeLibraries.HAS_LZ4 ? new NativeLz4Decompressor() : new Lz4Decompressor();
            case ZSTD -> new ZstdDecompressor(budget);
        };
    }

    private static void checkAvailable(Codec codec) {
        if (!isAvailable(codec)) {
            throw new CodecUnavailableException(codec, "codec " + codec + " needs its native library: zstd-jni on the"
                    + " path, and native access for it (--enable-native-access=ALL-UNNAMED, or the module's name)");
        }
    }
}
