package io.firn.workload;

import io.firn.config.Compression;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The engines that are compared. */
enum EngineName {
    FIRN,
    ROCKSDB,
    /** A transaction a put. */
    LMDB,
    /** A thousand puts a transaction. */
    LMDB_BATCHED,
    MVSTORE,
    /** Does nothing: shows what the measuring itself costs. */
    NONE;

    private static final Set<Phase> BATCHED_PHASES =
            EnumSet.of(Phase.FILLSEQ, Phase.FILLRANDOM, Phase.READWHILEWRITING);

    static EngineName of(String name) {
        return valueOf(name.strip().toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    static List<EngineName> listOf(String names) {
        return Arrays.stream(names.split(",")).map(EngineName::of).distinct().toList();
    }

    Peer open(Settings settings) throws Exception {
        return switch (this) {
            case FIRN -> new FirnPeer(settings);
            case ROCKSDB -> new RocksDbPeer(settings);
            case LMDB -> new LmdbPeer(settings, 1);
            case LMDB_BATCHED -> new LmdbPeer(settings, 1000);
            case MVSTORE -> new MvStorePeer(settings);
            case NONE -> new NonePeer(settings);
        };
    }

    /** Whether the phase tells something about the engine that no other line tells. */
    boolean takesPartIn(Phase phase) {
        return switch (this) {
            case LMDB_BATCHED -> BATCHED_PHASES.contains(phase);
            case NONE -> phase.start != Phase.Start.KILLED && phase != Phase.FILLRANDOM_UNCOMPRESSED;
            case LMDB, MVSTORE -> phase != Phase.FILLRANDOM_UNCOMPRESSED;
            case FIRN, ROCKSDB -> true;
        };
    }

    /** The engine whose settled databases this one reads. */
    EngineName filledAs() {
        return this == LMDB_BATCHED ? LMDB : this;
    }

    /** What the engine makes of the compression that a phase asks for. */
    Compression compression(Phase phase) {
        return this == FIRN || this == ROCKSDB ? phase.compression : Compression.NONE;
    }

    /** Whether a write that returned outlives its process, if not the machine. */
    boolean outlivesItsProcess() {
        return this != MVSTORE && this != NONE;
    }

    /** The options of the JVM that the engine runs in; what it needs of heap is the whole of what it gets. */
    List<String> jvmOptions() {
        return switch (this) {
            case FIRN -> List.of("-Xmx64m", "--enable-native-access=ALL-UNNAMED");
            case ROCKSDB, NONE -> List.of("-Xmx256m", "--enable-native-access=ALL-UNNAMED");
            case LMDB, LMDB_BATCHED -> List.of(
                    "-Xmx1g", "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
                    "--add-opens=java.base/java.nio=ALL-UNNAMED", "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
                    "-Dlmdbjava.disable.checks=true");
            case MVSTORE -> List.of("-Xmx4g");
        };
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
