package io.firn.tool;

import io.firn.Database;
import io.firn.config.PersistMode;
import io.firn.entry.EntryLimits;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Sets the value of a key; what it answers with success is on the disk. */
@Command(name = "put", description = "Sets the value of a key, durably; creates the database if there is none.",
        mixinStandardHelpOptions = true)
final class PutCommand implements Callable<Integer> {
    @Mixin
    private Target target = new Target();

    @Mixin
    private KeyspaceName keyspace = new KeyspaceName();

    @Parameters(index = "0", paramLabel = "KEY", description = "The key, as UTF-8.")
    private String key = "";

    @Parameters(index = "1", paramLabel = "VALUE", description = "The value, as UTF-8.")
    private String value = "";

    @Override
    public Integer call() {
        byte[] keyBytes = Target.bytes(key);
        EntryLimits.checkKey(keyBytes.length);
        try (Database database = target.database().durability(PersistMode.SYNC_DATA).open()) {
            database.keyspace(keyspace.name()).put(keyBytes, Target.bytes(value));
        }
        return Main.DONE;
    }
}
