package io.firn.ffm.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.github.luben.zstd.Zstd;
import io.firn.ffm.budget.MemoryBudget;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import net.jpountz.lz4.LZ4Factory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * R26: native codecs are used where their own module has native access, and are not touched where it has not or where they
 * are missing. Each case is a VM of its own, since the question is asked once.
 */
class R26CodecsTest {
    private static final String NATIVE = "lz4 native, zstd available\n";
    private static final String OWN = "lz4 own, zstd unavailable\n";
    private static final String[] DENY = {
        "--illegal-native-access=deny", "--sun-misc-unsafe-memory-access=deny",
    };

    @Test
    @Tag("native")
    void r26_answersForThisVm() {
        boolean isEnabled = LZ4Factory.class.getModule().isNativeAccessEnabled();
        assertEquals(isEnabled ? NATIVE : OWN, Child.describe());
    }

    @Test
    void r26_usesNativeCodecsWhereTheyAreEnabled() throws Exception {
        String path = paths(classes(Codecs.class), classes(Child.class), classes(LZ4Factory.class), classes(Zstd.class));
        assertEquals(NATIVE, run("--enable-native-access=ALL-UNNAMED", "-cp", path, Child.class.getName()));
    }

    @Test
    void r26_loadsNothingNativeUnderDeny() throws Exception {
        String path = paths(classes(Codecs.class), classes(Child.class), classes(LZ4Factory.class), classes(Zstd.class));
        assertEquals(OWN, run(DENY[0], DENY[1], "-cp", path, Child.class.getName()));
    }

    /** The VM's default is to allow and to warn; a library that nobody enabled must not cause the warning. */
    @Test
    void r26_warnsOfNothingByDefault() throws Exception {
        String path = paths(classes(Codecs.class), classes(Child.class), classes(LZ4Factory.class), classes(Zstd.class));
        assertEquals(OWN, run("-cp", path, Child.class.getName()));
    }

    @Test
    void r26_doesWithoutTheLibraries() throws Exception {
        String path = paths(classes(Codecs.class), classes(Child.class));
        assertEquals(OWN, run("--enable-native-access=ALL-UNNAMED", "-cp", path, Child.class.getName()));
    }

    @Test
    void r26_asksTheCodecsOwnModule() throws Exception {
        assertEquals("lz4 native, zstd unavailable\n", runAsModule("org.lz4.java"));
        assertEquals("lz4 own, zstd available\n", runAsModule("com.github.luben.zstd_jni"));
        assertEquals(OWN, runAsModule("io.firn.ffm"));
    }

    private static String runAsModule(String enabled) throws Exception {
        return run(DENY[0], DENY[1], "--enable-native-access=" + enabled,
                "-p", paths(classes(Codecs.class), classes(LZ4Factory.class), classes(Zstd.class)),
                "--add-modules", "org.lz4.java,com.github.luben.zstd_jni",
                "--patch-module", "io.firn.ffm=" + classes(Child.class),
                "-m", "io.firn.ffm/" + Child.class.getName());
    }

    /** What the VM said on both streams. */
    private static String run(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx64m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().keySet().removeIf(name -> name.endsWith("JAVA_OPTIONS") || name.equals("JAVA_TOOL_OPTIONS"));
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor(10, TimeUnit.MINUTES);
        return said;
    }

    private static String classes(Class<?> of) throws URISyntaxException {
        return Path.of(of.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
    }

    private static String paths(String... paths) {
        return String.join(File.pathSeparator, paths);
    }

    /** The program that each VM runs: compresses by what the factory gives, and says what that was. */
    static final class Child {
        public static void main(String[] arguments) {
            System.out.print(describe());
        }

        static String describe() {
            MemoryBudget budget = MemoryBudget.ofMebibytes(8);
            String lz4 = roundTrip(Codec.LZ4, budget).startsWith("Native") ? "native" : "own";
            if (Codecs.isAvailable(Codec.ZSTD)) {
                roundTrip(Codec.ZSTD, budget);
                return "lz4 " + lz4 + ", zstd available\n";
            }
            for (int turn = 0; turn < 2; turn++) {
                try {
                    Codecs.compressor(Codec.ZSTD, budget).close();
                    return "a compressor of an unavailable codec\n";
                } catch (CodecUnavailableException e) {
                    check(e.codec() == Codec.ZSTD && e.getMessage().contains("native"));
                }
                try {
                    Codecs.decompressor(Codec.ZSTD, budget).close();
                    return "a decompressor of an unavailable codec\n";
                } catch (CodecUnavailableException e) {
                    check(e.codec() == Codec.ZSTD);
                }
            }
            return "lz4 " + lz4 + ", zstd unavailable\n";
        }

        private static String roundTrip(Codec codec, MemoryBudget budget) {
            try (Arena arena = Arena.ofConfined();
                    Compressor compressor = Codecs.compressor(codec, budget);
                    Decompressor decompressor = Codecs.decompressor(codec, budget)) {
                MemorySegment source = arena.allocate(4096).fill((byte) 7);
                MemorySegment stored = arena.allocate(compressor.boundBytes(4096));
                MemorySegment target = arena.allocate(4096);
                int length = compressor.compress(source, 0, 4096, stored, 0, (int) stored.byteSize());
                check(length < 100);
                check(decompressor.decompress(stored, 0, length, target, 0, 4096));
                check(source.mismatch(target) == -1);
                return compressor.getClass().getSimpleName();
            }
        }

        private static void check(boolean isTrue) {
            if (!isTrue) {
                throw new IllegalStateException("not as it should be");
            }
        }
    }
}
