package io.firn.tool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.firn.tool.Program.Result;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The script {@code engine/firn}, copied beside a jar as the build makes one. */
class LauncherTest {
    @TempDir
    Path directory;

    private Path script;

    @BeforeEach
    void copy() throws IOException {
        Path original = Path.of("firn");
        assumeTrue(Files.isExecutable(original), "the tests of a module run in its directory");
        Path target = Files.createDirectories(directory.resolve("some where/engine/target"));
        script = Files.copy(original, target.resolveSibling("firn"), StandardCopyOption.COPY_ATTRIBUTES);
    }

    @Test
    @Tag("proof")
    void runsTheJarFromAnyDirectoryAndThroughSymbolicLinks() throws IOException {
        Program.packageJar(script.resolveSibling("target/firn-9.9-cli.jar"));
        Path first = Files.createSymbolicLink(directory.resolve("link to firn"), Path.of("some where/engine/firn"));
        Path second = Files.createSymbolicLink(directory.resolve("firn"), first.getFileName());
        String db = directory.resolve("db").toString();
        // Arguments beyond ASCII arrive whole even where there is no locale.
        List<String> bare = List.of("env", "-i", "PATH=" + System.getenv("PATH"));
        launch(bare, script, "put", "--db", db, "clé", "wörth").assertDone();
        Result got = launch(bare, second, "get", "--db", db, "clé");
        got.assertDone();
        assertEquals("wörth\n", new String(got.out().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8));
        assertEquals(Main.MISSING, launch(bare, second, "get", "--db", db, "cle").exitCode());
        assertEquals(Main.FAILED, launch(bare, second, "get").exitCode());
    }

    @Test
    @Tag("proof")
    void passesOnAJavaHomeThatIsTooOld() throws IOException {
        Program.packageJar(script.resolveSibling("target/firn-9.9-cli.jar"));
        Path old = Files.createDirectories(directory.resolve("old jdk/bin"));
        Files.writeString(old.getParent().resolve("release"), "JAVA_VERSION=\"17.0.1\"\n");
        Path java = Files.writeString(old.resolve("java"), "#!/bin/sh\necho old java >&2\nexit 9\n");
        assertTrue(java.toFile().setExecutable(true));
        Result result = launch(List.of("env", "JAVA_HOME=" + old.getParent(),
                "PATH=" + System.getProperty("java.home") + "/bin:" + System.getenv("PATH")), script, "--version");
        assertEquals(0, result.exitCode(), result::toString);
        assertTrue(result.out().startsWith("firn "), result::toString);
    }

    @Test
    void saysWhatIsMissing() throws IOException {
        Result result = launch(List.of("env", "PATH=" + pathWithoutMaven()), script, "--version");
        assertEquals(Main.FAILED, result.exitCode(), result::toString);
        assertTrue(result.err().matches("(?s).*firn: (Maven .mvn. was not found|no JDK 25).*"), result::toString);
    }

    /** A directory of commands that stand for the real ones. */
    private String pathWithoutMaven() throws IOException {
        Path tools = Files.createDirectories(directory.resolve("tools"));
        for (String tool : new String[] {"bash", "dirname", "readlink", "grep"}) {
            Path found = Arrays.stream(System.getenv("PATH").split(":")).map(place -> Path.of(place, tool))
                    .filter(Files::isExecutable).findFirst().orElseThrow();
            Path stand = Files.writeString(tools.resolve(tool), "#!/bin/sh\nexec " + found + " \"$@\"\n");
            assertTrue(stand.toFile().setExecutable(true));
        }
        return tools.toString();
    }

    private Result launch(List<String> wrapper, Path started, String... arguments) throws IOException {
        return Program.await(directory, Program.start(directory, wrapper, List.of(started.toString()), arguments));
    }
}
