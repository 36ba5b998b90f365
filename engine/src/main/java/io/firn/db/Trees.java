package io.firn.db;

import io.firn.config.DatabaseStatistics;
import io.firn.keyspace.ReadSums;
import io.firn.keyspace.Tree;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The keyspaces by name, and those that were deleted and have readers yet.
 *
 * <p>Threads: any; an immutable map is replaced under this object's monitor.
 */
public final class Trees {
    private volatile TreeMap<String, Tree> byName = new TreeMap<>();
    private volatile List<Tree> all = List.of();
    private final List<Tree> deleted = new ArrayList<>();
    private final ReadSums readsOfGone = new ReadSums();

    synchronized void add(Tree tree) {
        TreeMap<String, Tree> changed = new TreeMap<>(byName);
        changed.put(tree.name(), tree);
        byName = changed;
        all = List.copyOf(changed.values());
    }

    synchronized void remove(Tree tree) {
        TreeMap<String, Tree> changed = new TreeMap<>(byName);
        changed.remove(tree.name(), tree);
        byName = changed;
        all = List.copyOf(changed.values());
        List<Tree> gone = deleted.stream().filter(Tree::isGone).toList();
        gone.forEach(each -> each.addReadsTo(readsOfGone));
        deleted.removeAll(gone);
        deleted.add(tree);
    }

    /** What the readers of all did, those of deleted ones too. */
    synchronized DatabaseStatistics.Reads reads() {
        ReadSums sums = new ReadSums();
        sums.add(readsOfGone);
        for (Tree tree : all) {
            tree.addReadsTo(sums);
        }
        for (Tree tree : deleted) {
            tree.addReadsTo(sums);
        }
        return sums.toStatistics();
    }

    /** Closes every tree, deleted ones too. */
    synchronized void close() {
        all.forEach(Tree::close);
        deleted.forEach(Tree::close);
    }

    public @Nullable Tree get(String name) {
        return byName.get(name);
    }

    /** Sorted by name. */
    public List<Tree> all() {
        return all;
    }
}
