package io.firn.workload;

import static io.firn.config.Compression.LZ4;
import static io.firn.config.Compression.NONE;

import io.firn.config.Compression;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The phases of the workload, in the order in which they run; each has a process of its own. */
enum Phase {
    FILLSEQ(Start.EMPTY, Values.SMALL, LZ4, Cache.LARGE),
    FILLSEQ_1000(Start.EMPTY, Values.SMALL, LZ4, Cache.LARGE),
    FILLRANDOM(Start.EMPTY_KEPT, Values.SMALL, LZ4, Cache.LARGE),
    /** Of engines that compress. */
    FILLRANDOM_UNCOMPRESSED(Start.EMPTY_KEPT, Values.SMALL, NONE, Cache.LARGE),
    READRANDOM(Start.SETTLED, Values.SMALL, LZ4, Cache.LARGE),
    READRANDOM_2(Start.SETTLED, Values.SMALL, LZ4, Cache.LARGE),
    READRANDOM_SMALL(Start.SETTLED, Values.SMALL, LZ4, Cache.SMALL),
    READRANDOM_SMALL_UNCOMPRESSED(Start.SETTLED, Values.SMALL, NONE, Cache.SMALL),
    READMISSING(Start.SETTLED, Values.SMALL, LZ4, Cache.LARGE),
    SCAN(Start.SETTLED, Values.SMALL, LZ4, Cache.LARGE),
    SCAN_REVERSE(Start.SETTLED, Values.SMALL, LZ4, Cache.LARGE),
    SEEK10(Start.SETTLED, Values.SMALL, LZ4, Cache.LARGE),
    READWHILEWRITING(Start.COPY, Values.SMALL, LZ4, Cache.LARGE),
    FILLBATCH(Start.EMPTY, Values.SMALL, LZ4, Cache.LARGE),
    FILLSYNC(Start.EMPTY, Values.SMALL, LZ4, Cache.LARGE),
    FILLSYNC_8(Start.EMPTY, Values.SMALL, LZ4, Cache.LARGE),
    LARGEFILL(Start.EMPTY_KEPT, Values.LARGE, LZ4, Cache.LARGE),
    LARGEREAD(Start.SETTLED, Values.LARGE, LZ4, Cache.LARGE),
    LARGEFILL_UNCOMPRESSED(Start.EMPTY_KEPT, Values.LARGE, NONE, Cache.LARGE),
    LARGEREAD_UNCOMPRESSED(Start.SETTLED, Values.LARGE, NONE, Cache.LARGE),
    OPEN(Start.SETTLED, Values.SMALL, LZ4, Cache.LARGE),
    OPEN_KILLED(Start.KILLED, Values.SMALL, LZ4, Cache.LARGE);

    final Start start;
    final Values values;
    final Compression compression;
    final Cache cache;

    /** What a phase finds. */
    enum Start {
        /** No database; it makes one that nobody needs later. */
        EMPTY,
        /** No database; it makes one that others read. */
        EMPTY_KEPT,
        /** The database that was filled in random order and has settled; it leaves it as it is. */
        SETTLED,
        /** A copy of that one. */
        COPY,
        /** A copy of that one, written to by a process that was killed. */
        KILLED
    }

    Phase(Start start, Values values, Compression compression, Cache cache) {
        this.start = start;
        this.values = values;
        this.compression = compression;
        this.cache = cache;
    }

    /** The phases of a list of names, in the order in which they run. */
    static List<Phase> listOf(String names) {
        return Arrays.stream(names.split(","))
                .map(name -> valueOf(name.strip().toUpperCase(Locale.ROOT).replace('-', '_')))
                .distinct()
                .sorted()
                .toList();
    }

    /** The phase that makes the settled database which this one finds. */
    Phase fill() {
        return Arrays.stream(values())
                .filter(each -> each.start == Start.EMPTY_KEPT)
                .filter(each -> each.values == values && each.compression == compression)
                .findFirst()
                .orElseThrow();
    }

    /** The names of its rows of figures. */
    List<String> rows() {
        return this == READWHILEWRITING ? List.of(this + "-reads", this + "-writes") : List.of(toString());
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
