package io.firn.ffm.sim;

import io.firn.ffm.file.AppendFile;
import io.firn.ffm.file.DirectoryLock;
import io.firn.ffm.file.DirectoryLockedException;
import io.firn.ffm.file.FileSizeException;
import io.firn.ffm.file.JournalMapping;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.file.OutOfSpaceException;
import io.firn.ffm.file.Storage;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A disk in memory behind the same door as the real one. It knows what a loss of power would leave, who has what open,
 * and fails where its {@link FaultPlan} says so. A path is only a name here; the root exists.
 *
 * <p>Invariants: (1) a name is durable only after {@code syncDirectory}, a content only after {@code force}; neither
 * implies the other. (2) What a failed force dropped stays visible and is not made durable by a later force. (3) A
 * mapping is a copy in native memory whose bytes are mangled and whose scope is closed on close, so that use after
 * unmap throws. (4) Storages drawn from one another share pages, and no page that two see is changed.
 *
 * <p>Threads: any; one operation at a time. The hook runs inside the operation, so the disk stands still meanwhile.
 *
 * <p>Closed by: the test, if it abandons things that are open; closing frees the native memory.
 */
public final class SimStorage implements Storage, AutoCloseable {
    private static final byte FREED = (byte) 0xDB;

    final SimDirectory root;
    final List<Pending> pending;

    /** What calls that a {@link LazyStorage} left out were for, as far as it can still be lost or was lately. */
    final Set<Pending.Naming> forgottenNamings = Collections.newSetFromMap(new IdentityHashMap<>());

    final Set<SimFile> forgottenFiles = Collections.newSetFromMap(new IdentityHashMap<>());

    /** The append that the hook was called for: the crash may cut it. */
    @Nullable SimFile fileInFlight;

    @Nullable MemorySegment bytesInFlight;

    private final FaultPlan faults = new FaultPlan();
    private final Map<Object, Handle> handles = new IdentityHashMap<>();
    private final Map<SimDirectory, String> locks = new IdentityHashMap<>();
    private Consumer<Operation> hook = operation -> {};
    private long changes;
    private long usedBytes;
    private long capacityBytes = Long.MAX_VALUE;

    /** An empty disk. */
    public SimStorage() {
        this(new SimDirectory(), new ArrayList<>());
    }

    SimStorage(SimDirectory root, List<Pending> pending) {
        this.root = root;
        this.pending = pending;
        usedBytes = bytesBelow(root);
    }

    private static long bytesBelow(SimDirectory directory) {
        long bytes = 0;
        for (SimNode node : directory.current.values()) {
            bytes += switch (node) {
                case SimFile file -> file.sizeBytes;
                case SimDirectory inner -> bytesBelow(inner);
            };
        }
        return bytes;
    }

    /** What fails on this disk; nothing at first. */
    public FaultPlan faults() {
        return faults;
    }

    /** Called before each operation that changes something, on the thread that asked, with the disk standing still. */
    public synchronized void onOperation(Consumer<Operation> hook) {
        this.hook = hook;
    }

    /** How many operations that change something were asked for so far. */
    public synchronized long operations() {
        return changes;
    }

    /** Lets the disk be full at so many bytes of files; what is deleted is given back. */
    public synchronized void limitBytes(long bytes) {
        capacityBytes = bytes;
    }

    public synchronized long usedBytes() {
        return usedBytes;
    }

    /** Everything that is open: what, and as suppressed exceptions of the error the stacks of the openings. */
    public synchronized void assertNothingOpen() {
        if (handles.isEmpty()) {
            return;
        }
        List<String> what = new ArrayList<>();
        handles.values().forEach(handle -> what.add(handle.what));
        what.sort(null);
        AssertionError error = new AssertionError("still open: " + what);
        handles.values().forEach(handle -> error.addSuppressed(handle.opened));
        throw error;
    }

    /** Whether a call that a {@link LazyStorage} left out is still missed: whether something it was for can be lost. */
    public synchronized boolean hasForgotten() {
        forgottenNamings.retainAll(pending);
        forgottenFiles.removeIf(file -> !file.hasForgotten());
        return !forgottenNamings.isEmpty() || !forgottenFiles.isEmpty();
    }

    /** The sync of this directory is left out. */
    synchronized void forgetSync(Path path) throws IOException {
        SimDirectory directory = directoryAt(path);
        for (Pending change : pending) {
            if (change instanceof Pending.Naming naming && naming.touches(directory)) {
                forgottenNamings.add(naming);
            }
        }
    }

    private synchronized void forgetForce(SimFile file) {
        file.forget();
        forgottenFiles.add(file);
    }

    /** How many of the open things have this in their description: what they are, and their path. */
    public synchronized long openCount(String part) {
        return handles.values().stream().filter(handle -> handle.what.contains(part)).count();
    }

    public synchronized int openCount() {
        return handles.size();
    }

    /** The bytes of a file as processes see them; for tests that look, not an operation. */
    public synchronized byte[] contentOf(Path path) throws IOException {
        SimFile file = fileAt(path);
        byte[] content = new byte[Math.toIntExact(file.sizeBytes)];
        file.read(0, MemorySegment.ofArray(content));
        return content;
    }

    /** What processes see, names and bytes, as one number: equal for equal disks, and hardly ever for others. Not an operation. */
    public synchronized long fingerprint() {
        CRC32 first = new CRC32();
        CRC32C second = new CRC32C();
        fingerprint(root, first, second);
        return first.getValue() << 32 | second.getValue();
    }

    private static void fingerprint(SimDirectory directory, CRC32 first, CRC32C second) {
        directory.current.forEach((name, node) -> {
            update(name.getBytes(StandardCharsets.UTF_8), first, second);
            switch (node) {
                case SimFile file -> {
                    byte[] content = new byte[Math.toIntExact(file.sizeBytes)];
                    file.read(0, MemorySegment.ofArray(content));
                    update(content, first, second);
                }
                case SimDirectory inner -> fingerprint(inner, first, second);
            }
        });
        update(new byte[] {'/'}, first, second);
    }

    private static void update(byte[] bytes, CRC32 first, CRC32C second) {
        byte[] length = Integer.toString(bytes.length).getBytes(StandardCharsets.UTF_8);
        first.update(length);
        second.update(length);
        first.update(bytes);
        second.update(bytes);
    }

    /** Changes a file on the disk and in the page cache, which no process does; for tests that damage. */
    public synchronized void overwrite(Path path, byte[] content) throws IOException {
        SimFile old = fileAt(path);
        if (old.mapped != null) {
            throw new IllegalStateException(path + " is mapped as a journal");
        }
        int count = SimFile.pageCount(content.length);
        byte[] @Nullable [] pages = new byte[count][];
        for (int index = 0; index < count; index++) {
            byte[] page = new byte[SimFile.PAGE_BYTES];
            int offset = index * SimFile.PAGE_BYTES;
            System.arraycopy(content, offset, page, 0, Math.min(page.length, content.length - offset));
            pages[index] = page;
        }
        SimFile file = new SimFile(old.path, pages, content.length);
        SimDirectory parent = parentOf(path);
        parent.current.put(nameOf(path), file);
        if (parent.durable.replace(nameOf(path), file) == null) {
            note(new Pending.Naming(file, null, null, parent, nameOf(path)));
        }
        usedBytes += file.sizeBytes - old.sizeBytes;
    }

    @Override
    public synchronized AppendFile create(Path path) throws IOException {
        FaultPlan.@Nullable Cause cause = begin(Operation.Kind.CREATE, path);
        SimFile file = link(path);
        if (cause != null) {
            throw FaultPlan.failure(cause, path);
        }
        SimAppendFile opened = new SimAppendFile(file);
        open(opened, "append file " + path, null);
        return opened;
    }

    @Override
    public synchronized MappedFile map(Path path, long expectedBytes) throws IOException {
        FaultPlan.@Nullable Cause cause = begin(Operation.Kind.MAP, path);
        SimFile file = fileAt(path);
        if (file.sizeBytes != expectedBytes) {
            throw new FileSizeException(path, expectedBytes, file.sizeBytes);
        }
        if (cause == FaultPlan.Cause.EIO_AFTERWARDS) {
            throw FaultPlan.failure(cause, path);
        }
        Arena arena = Arena.ofShared();
        MemorySegment bytes = arena.allocate(expectedBytes, 64);
        file.read(0, bytes);
        flipIfAsked(cause, bytes);
        SimMappedFile mapped = new SimMappedFile(arena, bytes);
        open(mapped, "mapped file " + path, arena);
        return mapped;
    }

    @Override
    public synchronized JournalMapping journal(Path path, long bytes, @Nullable Path recycled) throws IOException {
        SimFile file = recycled == null ? filled(path, bytes) : recycled(path, bytes, recycled);
        Arena arena = Arena.ofShared();
        MemorySegment segment = arena.allocate(bytes, 4096);
        file.map(segment);
        SimJournal journal = new SimJournal(file, arena);
        open(journal, "journal " + path, arena);
        return journal;
    }

    private SimFile filled(Path path, long bytes) throws IOException {
        failIf(begin(Operation.Kind.JOURNAL_CREATE, path), path);
        SimFile file = link(path);
        try {
            if (usedBytes + bytes > capacityBytes) {
                throw FaultPlan.failure(FaultPlan.Cause.ENOSPC, path);
            }
            file.fill(bytes);
            usedBytes += bytes;
            note(new Pending.Append(file, bytes));
            failIf(begin(Operation.Kind.JOURNAL_FORCE, path), path);
        } catch (IOException e) {
            unlink(parentOf(path), nameOf(path));
            throw e;
        }
        file.force();
        pending.removeIf(change -> change instanceof Pending.Append append && append.file() == file);
        return file;
    }

    private SimFile recycled(Path path, long bytes, Path recycled) throws IOException {
        failIf(begin(Operation.Kind.JOURNAL_RECYCLE, path), path);
        SimFile file = fileAt(recycled);
        if (file.sizeBytes != bytes) {
            throw new FileSizeException(recycled, bytes, file.sizeBytes);
        }
        if (file.mapped != null) {
            throw new IllegalStateException(recycled + " is recycled while it is mapped");
        }
        move(recycled, path);
        return file;
    }

    @Override
    public synchronized void read(Path path, long offset, MemorySegment target) throws IOException {
        FaultPlan.@Nullable Cause cause = begin(Operation.Kind.READ, path);
        SimFile file = fileAt(path);
        if (offset + target.byteSize() > file.sizeBytes) {
            throw new EOFException(path + ": ends at " + file.sizeBytes + ", expected at least "
                    + (offset + target.byteSize()) + " bytes");
        }
        file.read(offset, target);
        flipIfAsked(cause, target);
        if (cause == FaultPlan.Cause.EIO_AFTERWARDS) {
            throw FaultPlan.failure(cause, path);
        }
    }

    @Override
    public synchronized long sizeBytes(Path path) throws IOException {
        failIf(begin(Operation.Kind.LOOK, path), path);
        return fileAt(path).sizeBytes;
    }

    @Override
    public synchronized boolean exists(Path path) throws IOException {
        failIf(begin(Operation.Kind.LOOK, path), path);
        return find(path) != null;
    }

    @Override
    public synchronized List<String> list(Path directory) throws IOException {
        failIf(begin(Operation.Kind.LIST, directory), directory);
        return List.copyOf(directoryAt(directory).current.navigableKeySet());
    }

    @Override
    public synchronized void createDirectory(Path directory) throws IOException {
        FaultPlan.@Nullable Cause cause = begin(Operation.Kind.CREATE_DIRECTORY, directory);
        SimDirectory at = root;
        for (Path name : absolute(directory)) {
            @Nullable SimNode node = at.current.get(name.toString());
            if (node == null) {
                SimDirectory made = new SimDirectory();
                at.current.put(name.toString(), made);
                note(new Pending.Naming(made, null, null, at, name.toString()));
                node = made;
            }
            if (!(node instanceof SimDirectory inner)) {
                throw new FileAlreadyExistsException(directory.toString());
            }
            at = inner;
        }
        failIf(cause, directory);
    }

    @Override
    public synchronized void rename(Path source, Path target) throws IOException {
        FaultPlan.@Nullable Cause cause = begin(Operation.Kind.RENAME, source);
        move(source, target);
        failIf(cause, source);
    }

    @Override
    public synchronized void delete(Path path) throws IOException {
        FaultPlan.@Nullable Cause cause = begin(Operation.Kind.DELETE, path);
        @Nullable SimNode node = find(path);
        if (node instanceof SimDirectory directory && !directory.current.isEmpty()) {
            throw new DirectoryNotEmptyException(path.toString());
        }
        if (node != null) {
            unlink(parentOf(path), nameOf(path));
        }
        failIf(cause, path);
    }

    @Override
    public synchronized void syncDirectory(Path path) throws IOException {
        FaultPlan.@Nullable Cause cause = begin(Operation.Kind.SYNC_DIRECTORY, path);
        sync(directoryAt(path));
        failIf(cause, path);
    }

    /**
     * Makes durable what was done to the names in a directory, and with a node that was moved the earlier moves of
     * that node.
     */
    private void sync(SimDirectory directory) {
        Collection<SimDirectory> all = allDirectories();
        Map<SimNode, Integer> lastOf = new IdentityHashMap<>();
        for (int index = 0; index < pending.size(); index++) {
            if (pending.get(index) instanceof Pending.Naming naming && naming.touches(directory)) {
                lastOf.put(naming.node(), index);
            }
        }
        List<Pending> kept = new ArrayList<>();
        for (int index = 0; index < pending.size(); index++) {
            Pending change = pending.get(index);
            if (change instanceof Pending.Naming naming && index <= lastOf.getOrDefault(naming.node(), -1)) {
                naming.apply(all, names -> names.durable);
            } else if (!(change instanceof Pending.Append append)
                    || append.file().isNamed
                    || !lastOf.containsKey(append.file())) {
                // What was appended to a file that is durably gone matters to nobody.
                kept.add(change);
            }
        }
        pending.clear();
        pending.addAll(kept);
        assert directory.durable.equals(directory.current) : directory.durable + " is not " + directory.current;
    }

    @Override
    public synchronized DirectoryLock lock(Path path) throws IOException {
        failIf(begin(Operation.Kind.LOCK, path), path);
        SimDirectory directory = directoryAt(path);
        @Nullable String holder = locks.get(directory);
        if (holder != null) {
            throw new DirectoryLockedException(path, holder);
        }
        if (!directory.current.containsKey("LOCK")) {
            link(path.resolve("LOCK"));
        }
        locks.put(directory, "this process, thread " + Thread.currentThread().getName());
        SimLock lock = new SimLock(directory);
        open(lock, "lock of " + path, null);
        return lock;
    }

    /** Frees what is still open, as the end of the process would; accesses to it throw from now on. */
    @Override
    public synchronized void close() {
        for (Map.Entry<Object, Handle> entry : List.copyOf(handles.entrySet())) {
            if (entry.getKey() instanceof SimJournal journal) {
                journal.free();
            } else if (entry.getValue().arena != null) {
                entry.getValue().arena.close();
            }
        }
        handles.clear();
        locks.clear();
    }

    /**
     * Counts, tells the hook, and asks the plan. Only a fault that does something else than fail at once is answered.
     */
    private FaultPlan.@Nullable Cause begin(Operation.Kind kind, Path path) throws IOException {
        if (kind.isChange()) {
            changes++;
            hook.accept(new Operation(changes, kind, path));
        }
        FaultPlan.@Nullable Cause cause = faults.next(kind, path);
        boolean isAtOnce = cause != null
                && switch (cause) {
                    case EIO, ENOSPC, EDQUOT, EFBIG, EMFILE ->
                        kind != Operation.Kind.FORCE && kind != Operation.Kind.JOURNAL_FORCE;
                    case EIO_AFTERWARDS, SHORT_WRITE, BIT_FLIP -> false;
                };
        if (isAtOnce) {
            throw FaultPlan.failure(cause, path);
        }
        return cause;
    }

    private static void failIf(FaultPlan.@Nullable Cause cause, Path path) throws IOException {
        if (cause != null) {
            throw FaultPlan.failure(cause, path);
        }
    }

    /** The bit depends on how much was asked so far, so that it is another one each time, and the same in each run. */
    private void flipIfAsked(FaultPlan.@Nullable Cause cause, MemorySegment bytes) {
        if (cause == FaultPlan.Cause.BIT_FLIP && bytes.byteSize() > 0) {
            long bit = new SplittableRandom(faults.operations()).nextLong(bytes.byteSize() * 8);
            byte old = bytes.get(ValueLayout.JAVA_BYTE, bit / 8);
            bytes.set(ValueLayout.JAVA_BYTE, bit / 8, (byte) (old ^ 1 << bit % 8));
        }
    }

    private void open(Object opened, String what, @Nullable Arena arena) {
        handles.put(opened, new Handle(what, new Throwable(what + " was opened here"), arena));
    }

    private boolean release(Object opened) {
        return handles.remove(opened) != null;
    }

    private void note(Pending change) {
        pending.add(change);
    }

    private SimFile link(Path path) throws IOException {
        SimDirectory parent = parentOf(path);
        String name = nameOf(path);
        if (parent.current.containsKey(name)) {
            throw new FileAlreadyExistsException(path.toString());
        }
        SimFile file = new SimFile(path);
        parent.current.put(name, file);
        note(new Pending.Naming(file, null, null, parent, name));
        return file;
    }

    private void unlink(SimDirectory parent, String name) {
        SimNode node = Objects.requireNonNull(parent.current.remove(name));
        forget(node);
        note(new Pending.Naming(node, parent, name, null, null));
    }

    private void move(Path source, Path target) throws IOException {
        SimDirectory sourceParent = parentOf(source);
        SimDirectory targetParent = parentOf(target);
        @Nullable SimNode node = sourceParent.current.get(nameOf(source));
        if (node == null) {
            throw new NoSuchFileException(source.toString());
        }
        @Nullable SimNode replaced = targetParent.current.get(nameOf(target));
        if (replaced == node) {
            return;
        }
        if (replaced instanceof SimDirectory) {
            throw new FileSystemException(source.toString(), target.toString(), "Is a directory");
        }
        if (replaced != null) {
            unlink(targetParent, nameOf(target));
            // Replacing is part of the rename: the old name does not go alone.
            pending.removeLast();
        }
        sourceParent.current.remove(nameOf(source));
        targetParent.current.put(nameOf(target), node);
        if (node instanceof SimFile file) {
            file.path = target;
        }
        note(new Pending.Naming(node, sourceParent, nameOf(source), targetParent, nameOf(target)));
    }

    /** A file without a name is a file whose room is given back. */
    private void forget(SimNode node) {
        if (node instanceof SimFile file) {
            file.isNamed = false;
            usedBytes -= file.sizeBytes;
        }
    }

    Collection<SimDirectory> allDirectories() {
        Set<SimDirectory> all = new LinkedHashSet<>();
        collect(root, all);
        return all;
    }

    private static void collect(SimDirectory directory, Set<SimDirectory> all) {
        if (!all.add(directory)) {
            return;
        }
        for (TreeMap<String, SimNode> names : List.of(directory.current, directory.durable)) {
            for (SimNode node : names.values()) {
                if (node instanceof SimDirectory inner) {
                    collect(inner, all);
                }
            }
        }
    }

    private @Nullable SimNode find(Path path) {
        SimNode at = root;
        for (Path name : absolute(path)) {
            @Nullable SimNode next =
                    at instanceof SimDirectory directory ? directory.current.get(name.toString()) : null;
            if (next == null) {
                return null;
            }
            at = next;
        }
        return at;
    }

    private SimFile fileAt(Path path) throws IOException {
        return switch (find(path)) {
            case null -> throw new NoSuchFileException(path.toString());
            case SimFile file -> file;
            case SimDirectory directory -> throw new FileSystemException(path.toString(), null, "Is a directory");
        };
    }

    private SimDirectory directoryAt(Path path) throws IOException {
        return switch (find(path)) {
            case null -> throw new NoSuchFileException(path.toString());
            case SimFile file -> throw new NotDirectoryException(path.toString());
            case SimDirectory directory -> directory;
        };
    }

    private SimDirectory parentOf(Path path) throws IOException {
        Path parent = absolute(path).getParent();
        if (parent == null) {
            throw new FileSystemException(path.toString(), null, "the root");
        }
        if (find(parent) instanceof SimDirectory directory) {
            return directory;
        }
        throw new NoSuchFileException(path.toString());
    }

    private static String nameOf(Path path) {
        return absolute(path).getFileName().toString();
    }

    private static Path absolute(Path path) {
        return path.toAbsolutePath().normalize();
    }

    /** Something that is open: what it is, where it was opened, and its memory. */
    private record Handle(String what, Throwable opened, @Nullable Arena arena) {}

    /** A new file. */
    final class SimAppendFile implements AppendFile, LazyStorage.Forced {
        private final SimFile file;
        private long forcedBytes;
        private boolean isClosed;
        private @Nullable IOException failure;

        SimAppendFile(SimFile file) {
            this.file = file;
        }

        @Override
        public void append(MemorySegment source) throws IOException {
            synchronized (SimStorage.this) {
                checkUsable();
                if (!source.isNative()) {
                    throw new IllegalArgumentException(file.path + ": appended from memory on the heap");
                }
                FaultPlan.@Nullable Cause cause = beginAppend(source);
                long wantedBytes = cause == FaultPlan.Cause.SHORT_WRITE ? source.byteSize() / 2 : source.byteSize();
                long roomBytes = file.isNamed ? Math.max(0, capacityBytes - usedBytes) : Long.MAX_VALUE;
                long bytes = Math.min(wantedBytes, roomBytes);
                file.append(source, bytes);
                usedBytes += file.isNamed ? bytes : 0;
                note(new Pending.Append(file, file.sizeBytes));
                if (bytes < wantedBytes) {
                    cause = FaultPlan.Cause.ENOSPC;
                }
                if (cause != null) {
                    throw fail(FaultPlan.failure(cause, file.path));
                }
            }
        }

        private FaultPlan.@Nullable Cause beginAppend(MemorySegment source) throws IOException {
            fileInFlight = file;
            bytesInFlight = source;
            try {
                return begin(Operation.Kind.APPEND, file.path);
            } catch (IOException e) {
                throw fail(e);
            } finally {
                fileInFlight = null;
                bytesInFlight = null;
            }
        }

        @Override
        public void force() throws IOException {
            synchronized (SimStorage.this) {
                noteIfRetried(file);
                checkUsable();
                FaultPlan.@Nullable Cause cause = begin(Operation.Kind.FORCE, file.path);
                finishForce(file, cause);
                if (cause != null) {
                    throw fail(FaultPlan.failure(cause, file.path));
                }
                forcedBytes = file.sizeBytes;
            }
        }

        @Override
        public long positionBytes() {
            synchronized (SimStorage.this) {
                return file.sizeBytes;
            }
        }

        @Override
        public long forcedBytes() {
            synchronized (SimStorage.this) {
                return forcedBytes;
            }
        }

        @Override
        public void close() {
            synchronized (SimStorage.this) {
                isClosed = true;
                release(this);
            }
        }

        @Override
        public void forgetForce() {
            SimStorage.this.forgetForce(file);
        }

        @Override
        public void forgetFailure() {
            synchronized (SimStorage.this) {
                failure = null;
            }
        }

        @Override
        public void forceLate() throws IOException {
            synchronized (SimStorage.this) {
                failIf(begin(Operation.Kind.FORCE, file.path), file.path);
                finishForce(file, null);
            }
        }

        @Override
        public void dropUnforced() {
            synchronized (SimStorage.this) {
                finishForce(file, FaultPlan.Cause.EIO);
            }
        }

        private void checkUsable() throws IOException {
            if (failure != null) {
                throw failure;
            }
            if (isClosed) {
                throw new IOException(file.path + ": closed");
            }
        }

        private IOException fail(IOException cause) {
            failure = cause;
            return cause;
        }
    }

    private void noteIfRetried(SimFile file) {
        if (file.isForceFailed) {
            faults.noteRetriedForce(file.path);
        }
    }

    private void finishForce(SimFile file, FaultPlan.@Nullable Cause cause) {
        file.isForceFailed |= cause != null;
        if (cause == null || cause == FaultPlan.Cause.EIO_AFTERWARDS) {
            file.force();
        } else {
            file.dropDirty();
        }
        pending.removeIf(change -> change instanceof Pending.Append append && append.file() == file);
    }

    private final class SimMappedFile implements MappedFile {
        private final Arena arena;
        private final MemorySegment writable;
        private final MemorySegment bytes;

        SimMappedFile(Arena arena, MemorySegment writable) {
            this.arena = arena;
            this.writable = writable;
            this.bytes = writable.asReadOnly();
        }

        @Override
        public MemorySegment bytes() {
            return bytes;
        }

        @Override
        public MemorySegment allocate(long sizeBytes) {
            return arena.allocate(sizeBytes, 64);
        }

        @Override
        public void close() {
            synchronized (SimStorage.this) {
                if (release(this)) {
                    writable.fill(FREED);
                    arena.close();
                }
            }
        }
    }

    /** A journal in use. */
    final class SimJournal implements JournalMapping, LazyStorage.Forced {
        private final SimFile file;
        private final Arena arena;
        private final MemorySegment bytes;
        private @Nullable IOException failure;

        SimJournal(SimFile file, Arena arena) {
            this.file = file;
            this.arena = arena;
            this.bytes = Objects.requireNonNull(file.mapped);
        }

        @Override
        public MemorySegment bytes() {
            return bytes;
        }

        @Override
        public void force() throws IOException {
            synchronized (SimStorage.this) {
                noteIfRetried(file);
                if (failure != null) {
                    throw failure;
                }
                checkOpen();
                FaultPlan.@Nullable Cause cause = begin(Operation.Kind.JOURNAL_FORCE, file.path);
                finishForce(file, cause);
                if (cause != null) {
                    failure = FaultPlan.failure(cause, file.path);
                    throw failure;
                }
            }
        }

        @Override
        public void unmap() throws IOException {
            synchronized (SimStorage.this) {
                checkOpen();
                free();
            }
        }

        @Override
        public void close() {
            synchronized (SimStorage.this) {
                if (release(this)) {
                    free();
                }
            }
        }

        private void checkOpen() throws IOException {
            if (!handles.containsKey(this)) {
                throw new IOException(file.path + ": closed");
            }
        }

        private void free() {
            if (file.mapped == bytes) {
                file.unmap();
                bytes.fill(FREED);
                arena.close();
            }
        }

        @Override
        public void forgetForce() {
            SimStorage.this.forgetForce(file);
        }

        @Override
        public void forgetFailure() {
            synchronized (SimStorage.this) {
                failure = null;
            }
        }

        @Override
        public void forceLate() throws IOException {
            synchronized (SimStorage.this) {
                failIf(begin(Operation.Kind.JOURNAL_FORCE, file.path), file.path);
                finishForce(file, null);
            }
        }

        @Override
        public void dropUnforced() {
            synchronized (SimStorage.this) {
                finishForce(file, FaultPlan.Cause.EIO);
            }
        }
    }

    private final class SimLock implements DirectoryLock {
        private final SimDirectory directory;

        SimLock(SimDirectory directory) {
            this.directory = directory;
        }

        @Override
        public void close() {
            synchronized (SimStorage.this) {
                if (release(this)) {
                    locks.remove(directory);
                }
            }
        }
    }
}
