package io.firn.tool;

import io.firn.Database;
import io.firn.DatabaseBuilder;
import io.firn.config.OpenMode;
import io.firn.db.Engine;
import io.firn.db.Settings;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import picocli.CommandLine.Option;

/** The database that a command is about. */
final class Target {
    @Option(names = "--db", paramLabel = "DIR", required = true, description = "The directory of the database.")
    private Path directory = Path.of("");

    Path directory() {
        return directory.toAbsolutePath().normalize();
    }

    /** The database through the API. */
    DatabaseBuilder database() {
        return Database.builder(directory());
    }

    /** The database as the rooms behind the API see it. */
    Engine open(OpenMode mode, Duration writeTimeout) {
        Settings defaults = Settings.defaults(directory());
        Settings.Opening opening = defaults.opening();
        Settings.Durability durability = defaults.durability();
        return Engine.open(new Settings(
                defaults.directory(), defaults.memory(), defaults.background(),
                new Settings.Opening(mode, opening.recovery(), opening.isTemporary()),
                new Settings.Durability(durability.commits(), durability.interval(), writeTimeout),
                defaults.journaling(), defaults.machine()));
    }

    /** The same for who writes nothing. */
    Engine open(OpenMode mode) {
        return open(mode, Settings.defaults(directory()).durability().writeTimeout());
    }

    static byte[] bytes(String argument) {
        return argument.getBytes(StandardCharsets.UTF_8);
    }
}
