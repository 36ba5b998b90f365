package io.firn;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The equal shares into which the cases of a proof fall: each has a VM of its own, with one carrier of virtual threads. A case
 * closes dozens of shared arenas, and each of those stops every thread of its VM: a VM with two carriers does less than with one.
 *
 * <p>Threads: any.
 */
public final class Shares {
    private static final int WHOLE = -1;
    private static final int OWN = Integer.getInteger("share", WHOLE);
    private static final int COUNT = Integer.getInteger("shares", Runtime.getRuntime().availableProcessors());
    private static final String TOLD = "cases of this share: ";

    /** What the proofs understand, as they are told to users. */
    private static final List<String> OPTIONS = List.of("bits", "every", "lists", "stories", "stride", "variants");

    private Shares() {}

    /** Whether this VM has but one share to run. */
    public static boolean isOne() {
        return OWN != WHOLE;
    }

    /** Whether the case of this number is to be run in this VM. */
    public static boolean isMine(long number) {
        return OWN == WHOLE || number % COUNT == OWN;
    }

    /** At the end of a share: so many cases were run. */
    public static void tell(long cases) {
        System.out.println(TOLD + cases);
    }

    /** Runs all shares of a test at once, and answers how many cases they have run; an error, with what it said, if one fails. */
    public static long run(Class<?> test, String method, long seed) throws IOException, InterruptedException {
        List<Process> processes = new ArrayList<>();
        List<Path> outputs = new ArrayList<>();
        try {
            for (int share = 0; share < COUNT; share++) {
                Path output = Files.createTempFile("share", ".out");
                outputs.add(output);
                processes.add(new ProcessBuilder(command(test, method, seed, share))
                        .redirectErrorStream(true).redirectOutput(output.toFile()).start());
            }
            long cases = 0;
            for (int share = 0; share < COUNT; share++) {
                if (!processes.get(share).waitFor(2, TimeUnit.HOURS)) {
                    throw new AssertionError(
                            "share " + share + " of " + test + " does not end: " + Files.readString(outputs.get(share)));
                }
                String said = Files.readString(outputs.get(share));
                System.out.print(said);
                if (processes.get(share).exitValue() != 0) {
                    throw new AssertionError("share " + share + " of " + test + ": " + said);
                }
                cases += said.lines().filter(line -> line.startsWith(TOLD))
                        .mapToLong(line -> Long.parseLong(line.substring(TOLD.length()))).sum();
            }
            return cases;
        } finally {
            processes.forEach(Process::destroyForcibly);
            for (Path output : outputs) {
                Files.deleteIfExists(output);
            }
        }
    }

    private static List<String> command(Class<?> test, String method, long seed, int share) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> argument.contains("native-access") || argument.contains("unsafe-memory-access")
                        || argument.startsWith("-Xmx") || argument.startsWith("-XX:MaxDirectMemorySize"))
                .forEach(command::add);
        command.addAll(List.of("-ea", "-Djdk.virtualThreadScheduler.parallelism=1",
                "-Dshare=" + share, "-Dshares=" + COUNT, "-Dseed=" + seed));
        for (String option : OPTIONS) {
            String value = System.getProperty(option);
            if (value != null) {
                command.add("-D" + option + "=" + value);
            }
        }
        command.addAll(List.of(
                "-cp", System.getProperty("java.class.path"), Shares.class.getName(), test.getName(), method));
        return command;
    }

    /** Arguments: the class of the test and its method. */
    public static void main(String[] arguments) {
        try {
            Constructor<?> maker = Class.forName(arguments[0]).getDeclaredConstructor();
            maker.setAccessible(true);
            Method method = maker.getDeclaringClass().getDeclaredMethod(arguments[1]);
            method.setAccessible(true);
            method.invoke(maker.newInstance());
        } catch (Throwable t) {
            t.printStackTrace(System.out);
            System.exit(1);
        }
        System.exit(0);
    }
}
