package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.FlipCheck.Outcome;
import io.firn.FlipCheck.Result;
import io.firn.error.CorruptionException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.SystemStorage;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.SimStorage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damage to every byte of every file of a small database (P4): it is detected, with the file and the offset, or every answer is right; of
 * a database that was not closed the last unforced group alone may be lost. All bits: {@code -Dbits=8}. One byte of ten: {@code -Devery=10}. One case: {@code -Dcase=} and
 * the name of the case.
 */
@Tag("proof")
class FlipTest {
    private static final int SECTOR_BYTES = 512;
    private static final int REAL_CASES = 400;
    private static final int FAILURES_MAX = 20;
    private static final int BITS = Integer.getInteger("bits", 1);
    private static final int EVERY = Integer.getInteger("every", 1);
    private static final String ONLY = System.getProperty("case");

    /** Kept, since a logger without a holder forgets its level. */
    private static final Logger LOGGER = Logger.getLogger("io.firn");

    static {
        LOGGER.setLevel(Level.OFF);
    }

    private final long seed = Long.getLong("seed", System.nanoTime());
    private final Map<String, Tally> tallies = new TreeMap<>();

    @TempDir
    Path directory;

    /** A change of one file or more: null instead of a content deletes it. */
    private record Case(String name, String kind, boolean mayLoseTail, Map<Path, Content> changes) {
        /** One of those of which there is one for each byte. */
        boolean isOfMany() {
            return name.contains(" byte ") || name.contains(" cut to ");
        }
    }

    private interface Content {
        byte[] get();
    }

    /** The database as it is damaged: its disk, its files, and where the journal lies whose end may be lost. */
    private record Image(String name, SimStorage disk, TreeMap<Path, byte[]> files, Path tailJournal) {
        String kindOf(Path file) {
            String fileName = file.getFileName().toString();
            String kind = fileName.endsWith(".table") ? "table"
                    : fileName.endsWith(".blob") ? "blob file"
                    : fileName.startsWith("manifest-") ? "manifest"
                    : fileName.endsWith(".journal") ? (file.equals(tailJournal) ? "journal, last" : "journal, others") : fileName;
            return name + ", " + kind;
        }

        String nameOf(Path file) {
            return name + ":" + FlipDatabase.DIRECTORY.relativize(file);
        }
    }

    private static final class Tally {
        private final Map<Outcome, Integer> outcomes = new TreeMap<>();
        private final TreeMap<String, Integer> harmless = new TreeMap<>();
        private int elsewhere;
    }

    private interface Runner {
        Result run(Case each) throws Exception;
    }

    @Test
    void damageIsDetectedOrHarmless() throws Exception {
        if (isShared("damageIsDetectedOrHarmless")) {
            return;
        }
        FlipDatabase source = new FlipDatabase(seed);
        FlipCheck check = new FlipCheck(source);
        Image closed = image("closed", source.closed, source.tailJournalId);
        Image killed = image("killed", source.killed, source.tailJournalId);
        describe(closed, killed);
        assertEquals(Outcome.HARMLESS, run(check, closed, nothing(closed)).outcome());
        assertEquals(Outcome.HARMLESS, run(check, killed, nothing(killed)).outcome());
        long start = System.nanoTime();
        runAll(casesOf(closed, source), each -> run(check, closed, each));
        runAll(casesOf(killed, source), each -> run(check, killed, each));
        System.out.println(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start) + " s");
        report();
    }

    /** A life in which nothing was written has no record in its journal that could testify for its manifest. */
    @Test
    void damageToADatabaseThatWasOnlyOpenedAndClosedIsDetectedOrHarmless() throws Exception {
        if (isShared("damageToADatabaseThatWasOnlyOpenedAndClosedIsDetectedOrHarmless")) {
            return;
        }
        FlipDatabase source = new FlipDatabase(seed);
        FlipCheck check = new FlipCheck(source);
        Image closed = image("closed", source.closed, source.tailJournalId);
        FlipDatabase.OldManifest former = null;
        for (Path file : closed.files().keySet()) {
            if (file.getFileName().toString().startsWith("manifest-")) {
                former = new FlipDatabase.OldManifest(
                        file.getFileName().toString(), closed.files().get(FlipDatabase.DIRECTORY.resolve("CURRENT")),
                        closed.files().get(file));
            }
        }
        source.oldManifests().add(former);
        FlipDatabase.builder(FlipDatabase.DIRECTORY, source.closed, MemoryBudget.ofMebibytes(64)).open().close();
        Image reopened = image("reopened", source.closed, source.tailJournalId + 2);
        List<Case> cases = new ArrayList<>(casesOf(reopened, source));
        cases.removeIf(each -> each.isOfMany() && each.kind().endsWith("table"));
        runAll(cases, each -> run(check, reopened, each));
        report();
    }

    @Test
    void damageToRealFilesIsDetectedOrHarmless() throws Exception {
        FlipDatabase source = new FlipDatabase(seed);
        FlipCheck check = new FlipCheck(source);
        for (Image image : List.of(image("closed", source.closed, source.tailJournalId), image("killed", source.killed, source.tailJournalId))) {
            List<Case> all = casesOf(image, source);
            SplittableRandom random = new SplittableRandom(seed);
            List<Case> some = random.ints(REAL_CASES / 2, 0, all.size()).mapToObj(all::get).toList();
            AtomicInteger number = new AtomicInteger();
            runAll(some, each -> runReal(check, image, each, directory.resolve(image.name() + number.incrementAndGet())));
        }
        report();
    }

    /** Whether other VMs have run the test. */
    private boolean isShared(String test) throws Exception {
        if (Shares.isOne() || ONLY != null) {
            return false;
        }
        long cases = Shares.run(FlipTest.class, test, seed);
        System.out.println(cases + " cases in all");
        assertTrue(cases > 0, "no case");
        return true;
    }

    // ---- the cases

    private Image image(String name, SimStorage disk, long tailJournalId) throws IOException {
        TreeMap<Path, byte[]> files = new TreeMap<>();
        collect(disk, FlipDatabase.DIRECTORY, files);
        Path tail = FlipDatabase.DIRECTORY.resolve("journal").resolve(String.format("%06d.journal", tailJournalId));
        assertTrue(files.containsKey(tail), tail + " of " + files.keySet());
        return new Image(name, disk, files, tail);
    }

    private static void collect(SimStorage disk, Path directory, Map<Path, byte[]> files) throws IOException {
        for (String name : disk.list(directory)) {
            Path path = directory.resolve(name);
            try {
                files.put(path, disk.contentOf(path));
            } catch (java.nio.file.FileSystemException isDirectory) {
                collect(disk, path, files);
            }
        }
    }

    private static Case nothing(Image image) {
        return new Case(image.name() + ": nothing", "nothing", false, Map.of());
    }

    /** Tables and sealed journals are the same bytes in both images; of those in the killed one every eighth case is taken. */
    private List<Case> casesOf(Image image, FlipDatabase source) {
        SplittableRandom random = new SplittableRandom(seed);
        List<Case> cases = new ArrayList<>();
        boolean isKilled = image.name().equals("killed");
        image.files().forEach((file, content) -> {
            boolean mayLoseTail = isKilled && file.equals(image.tailJournal());
            flips(image, file, content, mayLoseTail, random, cases);
            truncations(image, file, content, cases);
            sectors(image, file, content, mayLoseTail, random, cases);
            surplus(image, file, content, random, cases);
            cases.add(one(image, file, "deleted", false, null));
        });
        exchanges(image, cases);
        for (FlipDatabase.OldManifest old : source.oldManifests()) {
            oldManifest(image, old, cases);
        }
        if (ONLY != null) {
            cases.removeIf(each -> !each.name().equals(ONLY));
        } else if (isKilled && BITS == 1) {
            AtomicInteger number = new AtomicInteger();
            cases.removeIf(each -> each.isOfMany() && isSameInBoth(each) && number.incrementAndGet() % 8 != 0);
        }
        if (EVERY > 1) {
            AtomicInteger number = new AtomicInteger();
            cases.removeIf(each -> each.isOfMany() && number.incrementAndGet() % EVERY != 0);
        }
        AtomicInteger number = new AtomicInteger();
        cases.removeIf(each -> !Shares.isMine(number.getAndIncrement()));
        return cases;
    }

    private static boolean isSameInBoth(Case each) {
        return each.kind().endsWith("table") || each.kind().endsWith("journal, others");
    }

    private static Case one(Image image, Path file, String how, boolean mayLoseTail, Content content) {
        Map<Path, Content> changes = new TreeMap<>();
        changes.put(file, content);
        return new Case(image.nameOf(file) + " " + how, image.kindOf(file), mayLoseTail, changes);
    }

    private static void flips(
            Image image, Path file, byte[] content, boolean mayLoseTail, SplittableRandom random, List<Case> cases) {
        for (int at = 0; at < content.length; at++) {
            int offset = at;
            int first = random.nextInt(8);
            for (int i = 0; i < BITS; i++) {
                int bit = (first + i) % 8;
                cases.add(one(image, file, "byte " + offset + " bit " + bit, mayLoseTail, () -> {
                    byte[] changed = content.clone();
                    changed[offset] ^= (byte) (1 << bit);
                    return changed;
                }));
            }
        }
    }

    private static void truncations(Image image, Path file, byte[] content, List<Case> cases) {
        for (int length = 0; length < content.length; length++) {
            int left = length;
            cases.add(one(image, file, "cut to " + left, false, () -> Arrays.copyOf(content, left)));
        }
    }

    /** Zeroed, trashed, and put into the place of the next one. */
    private static void sectors(
            Image image, Path file, byte[] content, boolean mayLoseTail, SplittableRandom random, List<Case> cases) {
        for (int start = 0; start < content.length; start += SECTOR_BYTES) {
            int from = start;
            int to = Math.min(content.length, from + SECTOR_BYTES);
            long trash = random.nextLong();
            cases.add(one(image, file, "sector at " + from + " zeroed", mayLoseTail, () -> {
                byte[] changed = content.clone();
                Arrays.fill(changed, from, to, (byte) 0);
                return changed;
            }));
            cases.add(one(image, file, "sector at " + from + " trashed", mayLoseTail, () -> {
                byte[] changed = content.clone();
                byte[] bytes = new byte[to - from];
                new SplittableRandom(trash).nextBytes(bytes);
                System.arraycopy(bytes, 0, changed, from, bytes.length);
                return changed;
            }));
            if (to + SECTOR_BYTES <= content.length) {
                cases.add(one(image, file, "sector at " + from + " written over the next", mayLoseTail, () -> {
                    byte[] changed = content.clone();
                    System.arraycopy(content, from, changed, to, SECTOR_BYTES);
                    return changed;
                }));
            }
        }
    }

    private static void surplus(Image image, Path file, byte[] content, SplittableRandom random, List<Case> cases) {
        for (int count : new int[] {1, 7, 8, 64, 512, 4096}) {
            long garbage = random.nextLong();
            cases.add(one(image, file, count + " surplus zeros", false, () -> Arrays.copyOf(content, content.length + count)));
            cases.add(one(image, file, count + " surplus bytes of garbage", false, () -> {
                byte[] bytes = new byte[count];
                new SplittableRandom(garbage).nextBytes(bytes);
                return joined(content, bytes);
            }));
        }
        cases.add(one(image, file, "twice", false, () -> joined(content, content)));
    }

    private static byte[] joined(byte[] first, byte[] second) {
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    private static void exchanges(Image image, List<Case> cases) {
        List<Path> files = List.copyOf(image.files().keySet());
        for (Path first : files) {
            for (Path second : files) {
                boolean isSameKind = first.compareTo(second) < 0
                        && suffix(first).equals(suffix(second)) && !suffix(first).isEmpty();
                if (isSameKind) {
                    cases.add(new Case(image.nameOf(first) + " exchanged with " + image.nameOf(second), image.name() + ", exchanged",
                            false, Map.of(first, () -> image.files().get(second), second, () -> image.files().get(first))));
                }
            }
        }
    }

    private static String suffix(Path file) {
        String name = file.getFileName().toString();
        return name.substring(name.lastIndexOf('.') + 1);
    }

    private static void oldManifest(Image image, FlipDatabase.OldManifest old, List<Case> cases) {
        Map<Path, Content> changes = new TreeMap<>();
        image.files().keySet().stream()
                .filter(file -> file.getFileName().toString().startsWith("manifest-"))
                .forEach(file -> changes.put(file, null));
        changes.put(FlipDatabase.DIRECTORY.resolve(old.name()), old::manifest);
        changes.put(FlipDatabase.DIRECTORY.resolve("CURRENT"), old::current);
        cases.add(new Case(image.name() + ": " + old.name() + " of " + old.manifest().length + " bytes put back",
                image.name() + ", old manifest", false, changes));
    }

    // ---- running

    private static Result run(FlipCheck check, Image image, Case each) throws IOException {
        try (SimStorage disk = CrashImage.draw(image.disk(), 0, CrashImage.EVERYTHING)) {
            for (Map.Entry<Path, Content> change : each.changes().entrySet()) {
                if (change.getValue() == null) {
                    disk.delete(change.getKey());
                } else {
                    if (!disk.exists(change.getKey())) {
                        disk.create(change.getKey()).close();
                    }
                    disk.overwrite(change.getKey(), change.getValue().get());
                }
            }
            Result result = check.run(FlipDatabase.DIRECTORY, disk, Thread.ofVirtual()::unstarted, each.mayLoseTail());
            disk.assertNothingOpen();
            if (result.outcome() != Outcome.DETECTED && each.name().hashCode() % 16 == 0) {
                // What was harmless or lost once is still so in the next life, which has new files.
                Result again = check.run(FlipDatabase.DIRECTORY, disk, Thread.ofVirtual()::unstarted, each.mayLoseTail());
                assertEquals(result.outcome(), again.outcome(), "when it was opened again");
                disk.assertNothingOpen();
            }
            return result;
        }
    }

    private static Result runReal(FlipCheck check, Image image, Case each, Path copy) throws IOException {
        for (Map.Entry<Path, byte[]> file : image.files().entrySet()) {
            // Also of a file that is deleted: its directory stays.
            Files.createDirectories(target(copy, file.getKey()).getParent());
            Content change = each.changes().get(file.getKey());
            if (change != null || !each.changes().containsKey(file.getKey())) {
                write(copy, file.getKey(), change == null ? file.getValue() : change.get());
            }
        }
        for (Map.Entry<Path, Content> change : each.changes().entrySet()) {
            if (change.getValue() != null && !image.files().containsKey(change.getKey())) {
                write(copy, change.getKey(), change.getValue().get());
            }
        }
        Result result = check.run(copy, new SystemStorage(), Thread.ofPlatform()::unstarted, each.mayLoseTail());
        try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
            assertEquals(0, maps.filter(line -> line.contains(copy + "/")).count(), "mappings after close");
        }
        deleteAll(copy);
        return result;
    }

    private static void write(Path copy, Path file, byte[] content) throws IOException {
        Path target = target(copy, file);
        Files.createDirectories(target.getParent());
        Files.write(target, content);
    }

    private static Path target(Path copy, Path file) {
        return copy.resolve(FlipDatabase.DIRECTORY.relativize(file).toString());
    }

    private static void deleteAll(Path tree) throws IOException {
        try (Stream<Path> paths = Files.walk(tree)) {
            for (Path path : paths.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    private void runAll(List<Case> cases, Runner runner) {
        Cases.onVirtualThreads(FlipTest.class, FAILURES_MAX).run(cases.stream()
                .map(each -> new Cases.Case("-Dseed=" + seed + " -Dbits=" + BITS + " '-Dcase=" + each.name() + "'",
                        () -> count(each, runner.run(each))))
                .toList());
    }

    // ---- the report

    private synchronized void count(Case each, Result result) {
        Tally tally = tallies.computeIfAbsent(each.kind(), kind -> new Tally());
        tally.outcomes.merge(result.outcome(), 1, Integer::sum);
        if (result.detection() instanceof CorruptionException corruption
                && each.changes().keySet().stream().noneMatch(file -> file.getFileName().equals(corruption.file().getFileName()))) {
            tally.elsewhere++;
        }
        if (result.outcome() != Outcome.DETECTED) {
            String how = each.name().replaceAll(" bit .*", "").replaceAll("\\d+", "#").replaceFirst("^[^ ]* ", "");
            tally.harmless.merge(result.outcome() + " " + how, 1, Integer::sum);
        }
        if (ONLY != null) {
            System.out.println(each.name() + ": " + result);
        }
    }

    private void describe(Image... images) {
        System.out.println("-Dseed=" + seed + " -Dbits=" + BITS);
        for (Image image : images) {
            long bytes = image.files().values().stream().mapToLong(content -> content.length).sum();
            System.out.println(image.name() + ": " + bytes + " bytes in " + image.files().size() + " files");
            image.files().forEach((file, content) -> System.out.println("    " + image.nameOf(file) + " " + content.length));
        }
    }

    private void report() {
        int all = 0;
        for (Map.Entry<String, Tally> entry : tallies.entrySet()) {
            Tally tally = entry.getValue();
            System.out.println(entry.getKey() + ": " + tally.outcomes + ", named in another file " + tally.elsewhere);
            tally.harmless.forEach((how, count) -> System.out.println("    " + how + ": " + count));
            all += tally.outcomes.values().stream().mapToInt(Integer::intValue).sum();
        }
        Shares.tell(all);
        assertTrue(all > 0, "no case");
    }
}
