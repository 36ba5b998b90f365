package io.firn.ffm.sim;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a crash leaves of a {@link SimStorage}.
 *
 * <pre>
 * image 0      power is lost, and nothing survives that was not forced
 * image 1      the process dies: everything is seen, and what was not forced is still not forced
 * image 2      power is lost, and what was not forced survives in order up to some point, the last of it in part
 * image 3      power is lost, and of the name operations only the last few survive, with their files or without
 * image 4...   power is lost, and of everything that was not forced a coin decides: each name operation alone, each
 *              file's length, each page of 4 KiB absent, there, torn or trashed by sectors of 512 bytes
 * FORGOTTEN    power is lost, and everything survives but what calls that a {@link LazyStorage} left out were for: what
 *              shows that they are needed, if anything does
 * </pre>
 *
 * <p>Sectors keep what was forced in them: only bytes that were not are ever trashed. The append that the disk's hook
 * was called for is cut at some byte.
 *
 * <p>Threads: any; best drawn in the hook, while the disk stands still.
 */
public final class CrashImage {
    public static final int NOTHING = 0;
    public static final int EVERYTHING = 1;
    public static final int FORGOTTEN = -1;
    private static final int PREFIX = 2;
    private static final int LAST_NAMES = 3;

    /** Three operations at once are the most that a protocol of ours does between two syncs of a directory. */
    private static final int MOST_LAST_NAMES = 3;

    private final SimStorage disk;
    private final SplittableRandom random;
    private final int image;
    private final @Nullable List<String> trace;
    private final double survival;
    private final Map<SimDirectory, TreeMap<String, SimNode>> names = new IdentityHashMap<>();
    private final Map<SimFile, Long> lengths = new IdentityHashMap<>();
    private boolean isInFlightCut;

    private CrashImage(SimStorage disk, long seed, int image, @Nullable List<String> trace) {
        this.disk = disk;
        this.image = image;
        this.trace = trace;
        long point = disk.operations() * 0x9E3779B97F4A7C15L;
        random = new SplittableRandom(seed ^ point ^ image * 0xD6E8FEB86659FD93L).split();
        survival = 0.1 + 0.8 * random.nextDouble();
    }

    /** The disk after a crash now. */
    public static SimStorage draw(SimStorage disk, long seed, int image) {
        return draw(disk, seed, image, null);
    }

    /** The disk after a crash now; what was decided is added to the trace. */
    public static SimStorage draw(SimStorage disk, long seed, int image, @Nullable List<String> trace) {
        synchronized (disk) {
            if (image == EVERYTHING) {
                return ProcessDeath.copyOf(disk);
            }
            return new CrashImage(disk, seed, image, trace).draw();
        }
    }

    private SimStorage draw() {
        for (SimDirectory directory : disk.allDirectories()) {
            names.put(directory, new TreeMap<>(directory.durable));
        }
        switch (image) {
            case NOTHING -> tell("nothing of", disk.pending.size());
            case PREFIX -> drawPrefix();
            case LAST_NAMES -> drawLastNames();
            case FORGOTTEN -> drawAllButForgotten();
            default -> drawNamings();
        }
        return new SimStorage(drawDirectory(disk.root), new ArrayList<>());
    }

    private void drawNamings() {
        for (Pending change : disk.pending) {
            if (change instanceof Pending.Naming naming) {
                boolean survives = random.nextDouble() < survival;
                tell(survives ? "done" : "not done", naming);
                if (survives) {
                    naming.apply(names.keySet(), this::namesIn);
                }
            }
        }
        isInFlightCut = random.nextBoolean();
    }

    private void drawPrefix() {
        int cut = random.nextInt(disk.pending.size() + 1);
        for (int index = 0; index < cut; index++) {
            switch (disk.pending.get(index)) {
                case Pending.Naming naming -> naming.apply(names.keySet(), this::namesIn);
                case Pending.Append append -> lengths.put(append.file(), append.endBytes());
            }
        }
        tell("the first " + cut + " of", disk.pending.size());
        if (cut < disk.pending.size() && disk.pending.get(cut) instanceof Pending.Append append) {
            long before = lengths.getOrDefault(append.file(), append.file().durableBytes);
            lengths.put(append.file(), between(before, append.endBytes()));
        }
        isInFlightCut = cut == disk.pending.size();
    }

    /** What a coin seldom finds: an operation survives and what it was to come after does not. */
    private void drawLastNames() {
        List<Pending.Naming> namings = new ArrayList<>();
        for (Pending change : disk.pending) {
            if (change instanceof Pending.Naming naming) {
                namings.add(naming);
            }
        }
        int count = Math.min(namings.size(), 1 + random.nextInt(MOST_LAST_NAMES));
        for (Pending.Naming naming : namings.subList(namings.size() - count, namings.size())) {
            tell("done", naming);
            naming.apply(names.keySet(), this::namesIn);
        }
    }

    private void drawAllButForgotten() {
        for (Pending change : disk.pending) {
            if (change instanceof Pending.Naming naming) {
                boolean isForgotten = disk.forgottenNamings.contains(naming);
                tell(isForgotten ? "forgotten" : "done", naming);
                if (!isForgotten) {
                    naming.apply(names.keySet(), this::namesIn);
                }
            }
        }
    }

    /** Of a directory that is durably gone, whatever is done in it, too. */
    private TreeMap<String, SimNode> namesIn(SimDirectory directory) {
        return names.computeIfAbsent(directory, gone -> new TreeMap<>(gone.durable));
    }

    private SimDirectory drawDirectory(SimDirectory directory) {
        SimDirectory drawn = new SimDirectory();
        for (Map.Entry<String, SimNode> entry : names.getOrDefault(directory, directory.durable).entrySet()) {
            SimNode node = switch (entry.getValue()) {
                case SimDirectory inner -> drawDirectory(inner);
                case SimFile file -> drawFile(file);
            };
            drawn.current.put(entry.getKey(), node);
            drawn.durable.put(entry.getKey(), node);
        }
        return drawn;
    }

    private SimFile drawFile(SimFile file) {
        MemorySegment bytesInFlight = disk.bytesInFlight;
        if (isInFlightCut && disk.fileInFlight == file && bytesInFlight != null && bytesInFlight.byteSize() > 0) {
            long cut = between(0, bytesInFlight.byteSize());
            SimFile cutFile = file.copyAppended(bytesInFlight, cut);
            lengths.put(cutFile, cutFile.sizeBytes);
            tell("the append in flight is cut to " + cut + " bytes:", file.path);
            return drawContent(cutFile);
        }
        return drawContent(file);
    }

    private SimFile drawContent(SimFile file) {
        if (file.isSettled()) {
            return new SimFile(file.path, file.durablePages(), file.sizeBytes);
        }
        if (image == FORGOTTEN) {
            return drawButForgotten(file);
        }
        if (image > LAST_NAMES || image == LAST_NAMES && random.nextBoolean()) {
            return drawCoins(file);
        }
        if (file.isJournal()) {
            return image == PREFIX
                    ? drawJournalPrefix(file)
                    : new SimFile(file.path, file.durablePages(), file.sizeBytes);
        }
        long length = Math.max(file.durableBytes, lengths.getOrDefault(file, 0L));
        byte[] @Nullable [] pages = new byte[SimFile.pageCount(length)][];
        for (int index = 0; index < pages.length; index++) {
            pages[index] = file.isDirty(index) ? seen(file, index) : durable(file, index);
        }
        tell(length + " of " + file.sizeBytes + " bytes, forced " + file.durableBytes + ":", file.path);
        return new SimFile(file.path, pages, length);
    }

    /** Of a journal the sectors that were not forced are lost, of another file all that comes after what was. */
    private SimFile drawButForgotten(SimFile file) {
        boolean hasForgotten = file.hasForgotten();
        long length = hasForgotten && !file.isJournal() ? file.durableBytes : file.sizeBytes;
        byte[] @Nullable [] pages = new byte[SimFile.pageCount(length)][];
        for (int index = 0; index < pages.length; index++) {
            if (!file.isDirty(index) || hasForgotten && !file.isJournal()) {
                pages[index] = durable(file, index);
            } else {
                pages[index] = file.isJournal() ? file.seenButForgotten(index) : seen(file, index);
            }
        }
        if (hasForgotten) {
            tell("not forced:", file.path);
        }
        return new SimFile(file.path, pages, length);
    }

    /** Nobody saw the order of the stores into a mapping; journals are written from their start to their end. */
    private SimFile drawJournalPrefix(SimFile file) {
        long cut = switch (random.nextInt(4)) {
            case 0 -> 0;
            case 1 -> file.sizeBytes;
            default -> between(0, file.sizeBytes);
        };
        byte[] @Nullable [] pages = file.durablePages().clone();
        for (int index = 0; index < SimFile.pageCount(file.sizeBytes); index++) {
            long bytes = cut - (long) index * SimFile.PAGE_BYTES;
            if (bytes > 0 && file.isDirty(index)) {
                byte[] page = file.durableCopy(index);
                System.arraycopy(file.seenCopy(index), 0, page, 0, (int) Math.min(bytes, SimFile.PAGE_BYTES));
                pages[index] = page;
            }
        }
        tell("stores up to " + cut + " of " + file.sizeBytes + ":", file.path);
        return new SimFile(file.path, pages, file.sizeBytes);
    }

    private SimFile drawCoins(SimFile file) {
        long length = drawLength(file);
        byte[] @Nullable [] pages = new byte[SimFile.pageCount(length)][];
        for (int index = 0; index < pages.length; index++) {
            pages[index] = file.isDirty(index) ? drawPage(file, index) : durable(file, index);
        }
        return new SimFile(file.path, pages, length);
    }

    private long drawLength(SimFile file) {
        long length = switch (random.nextInt(3)) {
            case 0 -> file.durableBytes;
            case 1 -> file.sizeBytes;
            default -> between(file.durableBytes, file.sizeBytes);
        };
        if (file.sizeBytes != file.durableBytes) {
            tell(length + " of " + file.sizeBytes + " bytes, forced " + file.durableBytes + ":", file.path);
        }
        return length;
    }

    private byte @Nullable [] drawPage(SimFile file, int index) {
        if (random.nextDouble() < 0.7 * survival) {
            tell("page " + index + " is there:", file.path);
            return seen(file, index);
        }
        int fate = random.nextInt(6);
        if (fate < 3) {
            tell("page " + index + " is absent:", file.path);
            return durable(file, index);
        }
        boolean isTrashed = fate == 5;
        tell("page " + index + (isTrashed ? " is trashed:" : " is torn:"), file.path);
        byte[] page = file.durableCopy(index);
        byte[] seen = file.seenCopy(index);
        for (int at = 0; at < page.length; at += SimFile.SECTOR_BYTES) {
            if (isTrashed && random.nextInt(3) == 0) {
                trash(file, index, page, seen, at);
            } else if (random.nextBoolean()) {
                System.arraycopy(seen, at, page, at, SimFile.SECTOR_BYTES);
            }
        }
        return page;
    }

    /** Garbage in place of what was written into a sector and not forced. */
    private void trash(SimFile file, int index, byte[] page, byte[] seen, int sectorOffset) {
        int from = sectorOffset;
        int to = sectorOffset + SimFile.SECTOR_BYTES;
        if (file.isJournal()) {
            while (from < to && page[from] == seen[from]) {
                from++;
            }
            while (from < to && page[to - 1] == seen[to - 1]) {
                to--;
            }
        } else {
            from = Math.clamp(file.durableBytes - (long) index * SimFile.PAGE_BYTES, from, to);
        }
        for (int at = from; at < to; at++) {
            page[at] = (byte) random.nextInt();
        }
    }

    /** The disk's page: itself where it is whole, a copy where the file goes on in it. */
    private static byte @Nullable [] durable(SimFile file, int index) {
        return (index + 1L) * SimFile.PAGE_BYTES <= file.durableBytes
                ? file.durablePages()[index]
                : file.durableCopy(index);
    }

    private static byte @Nullable [] seen(SimFile file, int index) {
        return file.isJournal() ? file.seenCopy(index) : file.seenPages()[index];
    }

    private long between(long least, long most) {
        return least >= most ? least : random.nextLong(least, most + 1);
    }

    private void tell(String what, Object about) {
        if (trace != null) {
            trace.add(what + " " + about);
        }
    }

    /** The copy of a disk whose processes have died: nothing is open, and what was pending still is. */
    private static final class ProcessDeath {
        private final Map<SimNode, SimNode> copies = new IdentityHashMap<>();

        static SimStorage copyOf(SimStorage disk) {
            ProcessDeath death = new ProcessDeath();
            SimDirectory root = (SimDirectory) death.copy(disk.root);
            SimStorage left = new SimStorage(root, new ArrayList<>());
            for (Pending change : disk.pending) {
                switch (change) {
                    case Pending.Append append ->
                        left.pending.add(new Pending.Append((SimFile) death.copy(append.file()), append.endBytes()));
                    case Pending.Naming naming -> {
                        Pending.Naming copy = death.copyOf(naming);
                        left.pending.add(copy);
                        if (disk.forgottenNamings.contains(naming)) {
                            left.forgottenNamings.add(copy);
                        }
                    }
                }
            }
            disk.forgottenFiles.forEach(file -> left.forgottenFiles.add((SimFile) death.copy(file)));
            return left;
        }

        private Pending.Naming copyOf(Pending.Naming naming) {
            return new Pending.Naming(
                    copy(naming.node()),
                    copyOrNull(naming.sourceDirectory()),
                    naming.sourceName(),
                    copyOrNull(naming.targetDirectory()),
                    naming.targetName());
        }

        private @Nullable SimDirectory copyOrNull(@Nullable SimDirectory directory) {
            return directory == null ? null : (SimDirectory) copy(directory);
        }

        private SimNode copy(SimNode node) {
            @Nullable SimNode known = copies.get(node);
            if (known != null) {
                return known;
            }
            return switch (node) {
                case SimFile file -> {
                    SimFile copy = file.copy();
                    copies.put(file, copy);
                    yield copy;
                }
                case SimDirectory directory -> {
                    SimDirectory copy = new SimDirectory();
                    copies.put(directory, copy);
                    directory.current.forEach((name, inner) -> copy.current.put(name, copy(inner)));
                    directory.durable.forEach((name, inner) -> copy.durable.put(name, copy(inner)));
                    yield copy;
                }
            };
        }
    }
}
