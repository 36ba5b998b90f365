package io.firn.workload;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Has each trial done by a JVM of its own, with the options that its engine needs. */
final class ChildJvm implements Launcher {
    private static final List<String> EPSILON =
            List.of("-XX:+UnlockExperimentalVMOptions", "-XX:+UseEpsilonGC", "-Xmx64m");

    private final Path temporary;
    private final boolean isFirnWithoutCollector;
    private final List<String> moreOptions;

    /** Native libraries are unpacked into the directory; Firn's JVM may have a heap that is never collected. */
    ChildJvm(Path temporary, boolean isFirnWithoutCollector, List<String> moreOptions) {
        this.temporary = temporary;
        this.isFirnWithoutCollector = isFirnWithoutCollector;
        this.moreOptions = moreOptions;
    }

    @Override
    public List<Figures> measure(Trial trial) throws Exception {
        Machine.sync();
        List<Figures> figures = new ArrayList<>();
        Process process = start(Measurement.class, trial);
        try (BufferedReader lines = output(process)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (Figures.isLine(line)) {
                    figures.add(Figures.parse(line));
                } else {
                    System.out.println(line);
                }
            }
            if (process.waitFor() != 0) {
                throw new IOException(trial + ": exit " + process.exitValue());
            }
        } finally {
            process.destroyForcibly();
        }
        return figures;
    }

    @Override
    public void killWithFullLog(Trial trial) throws Exception {
        Process process = start(LogFiller.class, trial);
        try (BufferedReader lines = output(process)) {
            String line = lines.readLine();
            while (line != null && !line.equals(LogFiller.FULL)) {
                line = lines.readLine();
            }
            if (line == null) {
                throw new IOException(trial + ": ended before its log was full, exit " + process.waitFor());
            }
        } finally {
            // SIGKILL, by which no engine can tidy anything up.
            process.destroyForcibly().waitFor();
        }
    }

    private Process start(Class<?> program, Trial trial) throws IOException {
        Files.createDirectories(temporary);
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(trial.engine().jvmOptions());
        if (isFirnWithoutCollector && trial.engine() == EngineName.FIRN) {
            command.addAll(EPSILON);
        }
        command.addAll(moreOptions);
        command.addAll(List.of(
                "-Djava.io.tmpdir=" + temporary, "-cp", System.getProperty("java.class.path"), program.getName()));
        command.addAll(trial.arguments());
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    private static BufferedReader output(Process process) {
        return new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }
}
