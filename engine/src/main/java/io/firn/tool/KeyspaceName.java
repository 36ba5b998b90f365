package io.firn.tool;

import io.firn.Database;
import io.firn.Keyspace;
import io.firn.db.Engine;
import io.firn.keyspace.Tree;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The keyspace that a command is about. */
final class KeyspaceName {
    @Option(names = "--keyspace", paramLabel = "NAME", defaultValue = "default",
            description = "The keyspace; default: ${DEFAULT-VALUE}.")
    private String name = "";

    String name() {
        return name;
    }

    /** The keyspace, which must be there. */
    Keyspace in(Database database) {
        if (!database.keyspaceExists(name)) {
            throw missing(database.keyspaceNames());
        }
        return database.keyspace(name);
    }

    /** The keyspace, which must be there. */
    Tree in(Engine engine) {
        @Nullable Tree tree = engine.trees().get(name);
        if (tree == null) {
            throw missing(engine.trees().all().stream().map(Tree::name).toList());
        }
        return tree;
    }

    private CommandFailure missing(List<String> names) {
        return new CommandFailure("there is no keyspace " + name
                + (names.isEmpty() ? ", nor any other" : "; there are: " + String.join(", ", names)));
    }
}
