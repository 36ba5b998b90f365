package io.firn.workload;

import java.nio.file.Path;
import java.util.List;

/** What a run measures, how often, and in which directory the databases lie meanwhile. */
record Plan(
        List<EngineName> engines, List<Phase> phases, Scale scale, int rounds, Path directory,
        boolean keepsDatabases) {}
