package io.firn.tool;

import io.firn.config.KeyRange;
import io.firn.config.OpenMode;
import io.firn.db.Engine;
import io.firn.keyspace.Scan;
import io.firn.keyspace.TreeReader;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Prints the entries of a keyspace in key order. */
@Command(name = "scan", mixinStandardHelpOptions = true,
        description = "Prints the entries in the order of their keys: key, tab, value, newline, each as its bytes are.")
final class ScanCommand implements Callable<Integer> {
    private final Main.Streams streams;

    @Mixin
    private Target target = new Target();

    @Mixin
    private KeyspaceName keyspace = new KeyspaceName();

    @Option(names = "--prefix", paramLabel = "PREFIX", description = "Only keys that begin with this, as UTF-8.")
    private String prefix = "";

    @Option(names = "--limit", paramLabel = "COUNT", description = "So many entries at most.")
    private long limit = Long.MAX_VALUE;

    ScanCommand(Main.Streams streams) {
        this.streams = streams;
    }

    @Override
    public Integer call() {
        if (limit < 0) {
            throw new CommandFailure("--limit " + limit + "; 0 or more");
        }
        Output output = new Output(streams.out());
        try (Engine engine = target.open(OpenMode.RECOVER)) {
            TreeReader reader = keyspace.in(engine).reader();
            Scan scan = reader.scan(KeyRange.prefix(Target.bytes(prefix)), TreeReader.PUBLISHED);
            try {
                print(scan, output);
            } catch (InternalError lost) {
                throw reader.lostPage(lost);
            } finally {
                reader.release(scan);
            }
        }
        output.flush();
        return Main.DONE;
    }

    private void print(Scan scan, Output output) {
        for (long printed = 0; printed < limit && scan.next(); printed++) {
            output.write(scan.keySegment(), scan.keyOffset(), scan.keyLength());
            output.write('\t');
            output.write(scan.valueSegment(), scan.valueOffset(), scan.valueLength());
            output.write('\n');
        }
    }
}
