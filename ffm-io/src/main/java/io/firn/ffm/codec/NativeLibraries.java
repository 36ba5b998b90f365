package io.firn.ffm.codec;

import com.github.luben.zstd.Zstd;
import net.jpountz.lz4.LZ4Factory;

/**
 * Whether the native codecs may be and can be used (R26). The libraries are optional and their modules may lack native
 * access, so the question goes to the codec's own module, once, and nothing of a library is initialised before the
 * answer is yes.
 *
 * <p>Threads: any.
 */
final class NativeLibraries {
    static final boolean HAS_LZ4 = findsLz4();
    static final boolean HAS_ZSTD = findsZstd();

    private NativeLibraries() {}

    private static boolean findsLz4() {
        try {
            return LZ4Factory.class.getModule().isNativeAccessEnabled() && Lz4Probe.works();
        } catch (LinkageError | AssertionError e) {
            // Not on the path, or not made for this platform (which the factory may wrap): the twin serves.
            return false;
        }
    }

    private static boolean findsZstd() {
        try {
            return Zstd.class.getModule().isNativeAccessEnabled() && ZstdProbe.works();
        } catch (LinkageError e) {
            // Not on the path, or not made for this platform: the codec is unavailable, and asking for it says so.
            return false;
        }
    }

    /** A class of its own, so that the verifier of the outer one loads nothing of the library. */
    private static final class Lz4Probe {
        static boolean works() {
            return LZ4Factory.nativeInstance().safeDecompressor() != null;
        }
    }

    private static final class ZstdProbe {
        static boolean works() {
            return Zstd.compressBound(1) > 0;
        }
    }
}
