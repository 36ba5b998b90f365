package io.firn.tool;

import java.io.Console;
import java.io.PrintStream;
import java.io.PrintWriter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/** The program {@code firn}: its commands, and how their failures are told. */
@Command(
        name = "firn",
        description = "Loads, reads and verifies Firn databases.",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        footer = {"", "Exit codes: 0 done, 1 no such key or a problem found, 2 failed.",
            "Put -- in front of a key that begins with a dash."})
public final class Main {
    static final int DONE = 0;
    static final int MISSING = 1;
    static final int FAILED = 2;

    private Main() {}

    public static void main(String[] args) {
        if (ModuleLayer.boot().findModule("java.logging").isPresent()) {
            LogLines.to(System.err);
        }
        System.exit(run(new Streams(System.out, System.err, isTerminal()), args));
    }

    /** Runs one command and answers the exit code. */
    static int run(Streams streams, String... args) {
        CommandLine line = new CommandLine(new Main())
                .addSubcommand(new LoadCommand(streams))
                .addSubcommand(new GetCommand(streams))
                .addSubcommand(new PutCommand())
                .addSubcommand(new RemoveCommand())
                .addSubcommand(new ScanCommand(streams))
                .addSubcommand(new StatsCommand(streams))
                .addSubcommand(new VerifyCommand(streams))
                .setExpandAtFiles(false)
                .setOut(new PrintWriter(streams.out(), true))
                .setErr(new PrintWriter(streams.err(), true))
                .setExecutionExceptionHandler((failure, command, parsed) -> tell(streams.err(), failure));
        return line.execute(args);
    }

    private static int tell(PrintStream err, Exception failure) {
        String explanation = Explanation.of(failure);
        if (explanation != null) {
            err.println("firn: " + explanation);
        } else {
            err.println("firn: a failure inside the program itself:");
            failure.printStackTrace(err);
        }
        return FAILED;
    }

    private static boolean isTerminal() {
        @Nullable Console console = System.console();
        return console != null && console.isTerminal();
    }

    /** Where a command's answer goes, where all else goes, and whether a person watches. */
    record Streams(PrintStream out, PrintStream err, boolean isTerminal) {}

    /** What the manifest of the jar says. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            @Nullable String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"firn " + (version == null ? "(not packaged)" : version)};
        }
    }
}
