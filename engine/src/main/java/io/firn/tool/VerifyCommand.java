package io.firn.tool;

import io.firn.ffm.file.SystemStorage;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Reads every byte of a database and tells what is wrong with it. */
@Command(name = "verify", mixinStandardHelpOptions = true,
        description = "Checks every checksum of every file, and that the files fit together. Changes nothing. Exit code"
                + " 1 if a problem was found.")
final class VerifyCommand implements Callable<Integer> {
    private final Main.Streams streams;

    @Mixin
    private Target target = new Target();

    VerifyCommand(Main.Streams streams) {
        this.streams = streams;
    }

    @Override
    public Integer call() throws IOException {
        Verification verification = new Verification(new SystemStorage(), target.directory());
        verification.run();
        verification.problems().forEach(problem -> streams.out().println("problem: " + problem));
        verification.notes().forEach(note -> streams.out().println("note: " + note));
        streams.out().println(verification.summary());
        return verification.problems().isEmpty() ? Main.DONE : Main.MISSING;
    }
}
