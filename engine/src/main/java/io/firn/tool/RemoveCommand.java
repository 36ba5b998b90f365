package io.firn.tool;

import io.firn.Database;
import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Removes a key; what it answers with success is on the disk. */
@Command(name = "remove", description = "Removes a key, durably; there need not be such a key.",
        mixinStandardHelpOptions = true)
final class RemoveCommand implements Callable<Integer> {
    @Mixin
    private Target target = new Target();

    @Mixin
    private KeyspaceName keyspace = new KeyspaceName();

    @Parameters(paramLabel = "KEY", description = "The key, as UTF-8.")
    private String key = "";

    @Override
    public Integer call() {
        try (Database database =
                target.database().openMode(OpenMode.RECOVER).durability(PersistMode.SYNC_DATA).open()) {
            keyspace.in(database).remove(Target.bytes(key));
        }
        return Main.DONE;
    }
}
