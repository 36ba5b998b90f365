package io.firn.ffm.sim;

import io.firn.ffm.file.AppendFile;
import io.firn.ffm.file.DirectoryLock;
import io.firn.ffm.file.JournalMapping;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.file.Storage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.BiPredicate;
import org.jspecify.annotations.Nullable;

/**
 * A storage that makes the mistakes of a protocol: it leaves out, postpones or repeats what it is asked to do, and says
 * that all is well. What works on it without a test failing was not needed, or not tested.
 *
 * <p>Threads: any.
 */
public final class LazyStorage implements Storage {
    private final SimStorage disk;
    private final List<Rule> rules = new ArrayList<>();
    private final List<Postponed> postponed = new ArrayList<>();
    private final Set<LazyJournal> journals = Collections.newSetFromMap(new IdentityHashMap<>());
    private long mistakes;

    public LazyStorage(SimStorage disk) {
        this.disk = disk;
    }

    /** These operations are not done: FORCE, JOURNAL_FORCE, SYNC_DIRECTORY, DELETE or RENAME. */
    public LazyStorage skipping(Operation.Kind kind, String glob) {
        return plant(new Rule(Mistake.SKIP, kind, glob, 0, null));
    }

    /** Those of the operations that are told to be left out are not done; asked of each once, where it is called. */
    public LazyStorage skippingWhere(BiPredicate<Operation.Kind, Path> isLeftOut) {
        return plant(new Rule(Mistake.SKIP, isLeftOut, 0, null));
    }

    /** The nth of these operations alone is not done; counts from 1. */
    public LazyStorage skippingNth(Operation.Kind kind, String glob, long nth) {
        return plant(new Rule(Mistake.SKIP, kind, glob, nth, null));
    }

    /** These operations are done after the next of the other operations. */
    public LazyStorage postponing(Operation.Kind kind, String glob, Operation.Kind untilKind, String untilGlob) {
        return plant(new Rule(Mistake.POSTPONE, kind, glob, 0, new Rule(Mistake.SKIP, untilKind, untilGlob, 0, null)));
    }

    /** These forces, of kind FORCE or JOURNAL_FORCE, succeed and drop what they should have written. */
    public LazyStorage dropping(Operation.Kind kind, String glob) {
        return plant(new Rule(Mistake.DROP, kind, glob, 0, null));
    }

    /** When such a force fails, it is tried again, and that is believed. */
    public LazyStorage retrying(Operation.Kind kind, String glob) {
        return plant(new Rule(Mistake.RETRY, kind, glob, 0, null));
    }

    /** How many mistakes were made so far; a mutant that made none proves nothing. */
    public synchronized long mistakes() {
        return mistakes;
    }

    private synchronized LazyStorage plant(Rule rule) {
        rules.add(rule);
        return this;
    }

    private synchronized @Nullable Rule ruleFor(Operation.Kind kind, Path path) {
        @Nullable Rule found = null;
        for (Rule rule : rules) {
            if (rule.strikes(kind, path) && found == null) {
                found = rule;
            }
        }
        return found;
    }

    private synchronized void count() {
        mistakes++;
    }

    /** Does it, or does not, or will do it later. */
    private void perform(Operation.Kind kind, Path path, Action action, Action forgetting) throws IOException {
        perform(ruleFor(kind, path), kind, path, action, action, forgetting);
    }

    private void perform(
            @Nullable Rule rule, Operation.Kind kind, Path path, Action action, Action later, Action forgetting)
            throws IOException {
        if (rule == null) {
            action.run();
            settle(kind, path);
            return;
        }
        count();
        switch (rule.mistake) {
            case SKIP -> {
                forgetting.run();
                settle(kind, path);
            }
            case POSTPONE -> {
                forgetting.run();
                synchronized (this) {
                    postponed.add(new Postponed(rule.until, later));
                }
            }
            case DROP, RETRY -> throw new IllegalStateException(rule.mistake + " does not apply to " + kind);
        }
    }

    private void force(Operation.Kind kind, Path path, Forced file) throws IOException {
        @Nullable Rule rule = ruleFor(kind, path);
        if (rule != null && rule.mistake == Mistake.DROP) {
            count();
            file.dropUnforced();
        } else if (rule != null && rule.mistake == Mistake.RETRY) {
            forceTwice(file);
        } else {
            perform(rule, kind, path, file::force, file::forceLate, file::forgetForce);
        }
    }

    private void forceTwice(Forced file) throws IOException {
        try {
            file.force();
        } catch (IOException e) {
            count();
            file.forgetFailure();
            file.force();
        }
    }

    private void settle(Operation.Kind done, Path path) throws IOException {
        List<Postponed> due = new ArrayList<>();
        synchronized (this) {
            for (Postponed waiting : postponed) {
                if (waiting.until != null && waiting.until.strikes(done, path)) {
                    due.add(waiting);
                }
            }
            postponed.removeAll(due);
        }
        for (Postponed waiting : due) {
            waiting.action.run();
        }
    }

    @Override
    public AppendFile create(Path file) throws IOException {
        AppendFile opened = disk.create(file);
        settle(Operation.Kind.CREATE, file);
        return new LazyAppendFile(file, (SimStorage.SimAppendFile) opened);
    }

    @Override
    public MappedFile map(Path file, long expectedBytes) throws IOException {
        return disk.map(file, expectedBytes);
    }

    @Override
    public JournalMapping journal(Path file, long bytes, @Nullable Path recycled) throws IOException {
        LazyJournal journal = new LazyJournal(file, (SimStorage.SimJournal) disk.journal(file, bytes, recycled));
        synchronized (this) {
            journals.add(journal);
        }
        settle(recycled == null ? Operation.Kind.JOURNAL_CREATE : Operation.Kind.JOURNAL_RECYCLE, file);
        return journal;
    }

    @Override
    public void read(Path file, long offset, MemorySegment target) throws IOException {
        disk.read(file, offset, target);
    }

    @Override
    public long sizeBytes(Path file) throws IOException {
        return disk.sizeBytes(file);
    }

    @Override
    public boolean exists(Path file) throws IOException {
        return disk.exists(file);
    }

    @Override
    public List<String> list(Path directory) throws IOException {
        return disk.list(directory);
    }

    @Override
    public void createDirectory(Path directory) throws IOException {
        disk.createDirectory(directory);
        settle(Operation.Kind.CREATE_DIRECTORY, directory);
    }

    @Override
    public void rename(Path source, Path target) throws IOException {
        perform(Operation.Kind.RENAME, source, () -> disk.rename(source, target), () -> {});
        synchronized (this) {
            for (LazyJournal journal : journals) {
                if (journal.path.equals(source)) {
                    journal.path = target;
                }
            }
        }
    }

    @Override
    public void delete(Path file) throws IOException {
        perform(Operation.Kind.DELETE, file, () -> disk.delete(file), () -> {});
    }

    @Override
    public void syncDirectory(Path directory) throws IOException {
        perform(
                Operation.Kind.SYNC_DIRECTORY, directory, () -> disk.syncDirectory(directory),
                () -> disk.forgetSync(directory));
    }

    @Override
    public DirectoryLock lock(Path directory) throws IOException {
        return disk.lock(directory);
    }

    private enum Mistake {
        SKIP,
        POSTPONE,
        DROP,
        RETRY
    }

    /** Something to be done at the door. */
    private interface Action {
        void run() throws IOException;
    }

    /** What forces, and the ways to do it wrong. */
    interface Forced {
        void force() throws IOException;

        /** Forces though the file may be closed by now. */
        void forceLate() throws IOException;

        void dropUnforced();

        /** What a force would make durable now is what {@link CrashImage#FORGOTTEN} loses. */
        void forgetForce();

        void forgetFailure();
    }

    private record Postponed(@Nullable Rule until, Action action) {}

    private static final class Rule {
        private final Mistake mistake;
        private final BiPredicate<Operation.Kind, Path> operations;
        private final long nth;
        private final @Nullable Rule until;
        private long seen;

        Rule(Mistake mistake, Operation.Kind kind, String glob, long nth, @Nullable Rule until) {
            this(mistake, operations(kind, new Glob(glob)), nth, until);
        }

        Rule(Mistake mistake, BiPredicate<Operation.Kind, Path> operations, long nth, @Nullable Rule until) {
            this.mistake = mistake;
            this.operations = operations;
            this.nth = nth;
            this.until = until;
        }

        private static BiPredicate<Operation.Kind, Path> operations(Operation.Kind kind, Glob glob) {
            return (asked, path) -> asked == kind && glob.matches(path);
        }

        boolean strikes(Operation.Kind asked, Path path) {
            if (!operations.test(asked, path)) {
                return false;
            }
            seen++;
            return nth == 0 || seen == nth;
        }
    }

    private final class LazyAppendFile implements AppendFile {
        private final Path path;
        private final SimStorage.SimAppendFile file;
        private long forcedBytes;

        LazyAppendFile(Path path, SimStorage.SimAppendFile file) {
            this.path = path;
            this.file = file;
        }

        @Override
        public void append(MemorySegment source) throws IOException {
            file.append(source);
        }

        @Override
        public void force() throws IOException {
            LazyStorage.this.force(Operation.Kind.FORCE, path, file);
            forcedBytes = file.positionBytes();
        }

        @Override
        public long positionBytes() {
            return file.positionBytes();
        }

        @Override
        public long forcedBytes() {
            return forcedBytes;
        }

        @Override
        public void close() {
            file.close();
        }
    }

    private final class LazyJournal implements JournalMapping {
        private volatile Path path;
        private final SimStorage.SimJournal journal;

        LazyJournal(Path path, SimStorage.SimJournal journal) {
            this.path = path;
            this.journal = journal;
        }

        @Override
        public MemorySegment bytes() {
            return journal.bytes();
        }

        @Override
        public void force() throws IOException {
            LazyStorage.this.force(Operation.Kind.JOURNAL_FORCE, path, journal);
        }

        @Override
        public void unmap() throws IOException {
            journal.unmap();
        }

        @Override
        public void close() {
            synchronized (LazyStorage.this) {
                journals.remove(this);
            }
            journal.close();
        }
    }
}
