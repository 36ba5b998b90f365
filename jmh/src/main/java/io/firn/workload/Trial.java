package io.firn.workload;

import io.firn.config.PersistMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** One engine in one phase: what a process of its own is started for. */
record Trial(EngineName engine, Phase phase, Path database, Scale scale) {
    /** As the arguments of a program. */
    List<String> arguments() {
        return List.of(engine.toString(), phase.toString(), database.toString(), Long.toString(scale.entries()));
    }

    static Trial of(String[] arguments) {
        return new Trial(
                EngineName.of(arguments[0]),
                Phase.listOf(arguments[1]).getFirst(),
                Path.of(arguments[2]),
                new Scale(Long.parseLong(arguments[3])));
    }

    Peer open() throws Exception {
        return open(database, scale.entriesOf(phase.values));
    }

    /** The engine as it is in this phase, but on another database. */
    Peer open(Path directory, long entries) throws Exception {
        PersistMode mode = phase == Phase.FILLSYNC || phase == Phase.FILLSYNC_8
                ? PersistMode.SYNC_DATA
                : PersistMode.BUFFER;
        Files.createDirectories(directory);
        return engine.open(new Settings(
                directory, mode, engine.compression(phase), phase.cache, phase.values, entries));
    }

    @Override
    public String toString() {
        return phase + ", " + engine;
    }
}
