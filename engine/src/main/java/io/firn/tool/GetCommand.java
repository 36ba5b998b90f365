package io.firn.tool;

import io.firn.Database;
import io.firn.config.OpenMode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Prints the value of a key. */
@Command(name = "get", description = "Prints the value of a key and a newline; exit code 1 if there is no such key.",
        mixinStandardHelpOptions = true)
final class GetCommand implements Callable<Integer> {
    private final Main.Streams streams;

    @Mixin
    private Target target = new Target();

    @Mixin
    private KeyspaceName keyspace = new KeyspaceName();

    @Parameters(paramLabel = "KEY", description = "The key, as UTF-8.")
    private String key = "";

    GetCommand(Main.Streams streams) {
        this.streams = streams;
    }

    @Override
    public Integer call() {
        Output output = new Output(streams.out());
        try (Database database = target.database().openMode(OpenMode.RECOVER).open()) {
            boolean isFound = keyspace.in(database).read(Target.bytes(key), value -> {
                output.write(value, 0, value.byteSize());
                output.write('\n');
            });
            output.flush();
            if (!isFound) {
                streams.err().println("firn: no such key: " + key);
            }
            return isFound ? Main.DONE : Main.MISSING;
        }
    }
}
