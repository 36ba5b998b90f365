package io.firn.ffm.sim;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The content of a file: what processes see, what the disk has, and what a failed force dropped.
 *
 * <p>Invariants: (1) bytes below {@code sizeBytes} of a page are written once, so that copies of this file share its
 * pages; a journal's pages are replaced, never changed. (2) {@code cleanBytes} is how far the last force went, whether
 * or not it succeeded: what it dropped is clean. (3) A missing page is a page of zeros. (4) Forgotten sectors are dirty:
 * the next force, of whatever outcome, leaves none.
 *
 * <p>Threads: under the storage's monitor; a mapped journal is written by others meanwhile.
 */
final class SimFile implements SimNode {
    static final int PAGE_BYTES = 4096;
    static final int SECTOR_BYTES = 512;
    static final byte[] ZEROS = new byte[PAGE_BYTES];

    /** The last name it was given; for messages, hooks and faults. */
    Path path;

    boolean isNamed = true;

    /** Whether a force has failed: in this boot there is no other that could be believed. */
    boolean isForceFailed;

    long sizeBytes;
    long durableBytes;
    /** While the journal is mapped, what processes see, instead of the pages. */
    @Nullable MemorySegment mapped;

    private byte[] @Nullable [] pages;
    private byte[] @Nullable [] durablePages;
    private long cleanBytes;
    /** Whether pages are dirty by comparison with the disk's, not by position. */
    private boolean isJournal;

    private final Map<Integer, byte[]> dropped = new HashMap<>();

    /** What was dirty when a force was left out. */
    private final BitSet forgottenSectors = new BitSet();

    SimFile(Path path) {
        this.path = path;
        pages = new byte[4][];
        durablePages = pages;
    }

    /** A file after the reboot: the disk has what is seen. */
    SimFile(Path path, byte[] @Nullable [] pages, long sizeBytes) {
        this.path = path;
        this.pages = pages;
        this.durablePages = pages;
        this.sizeBytes = sizeBytes;
        this.durableBytes = sizeBytes;
        this.cleanBytes = sizeBytes;
    }

    /** The file as another process of the same boot sees it. */
    SimFile copy() {
        SimFile copy = new SimFile(path, seenPages(), sizeBytes);
        copy.isNamed = isNamed;
        copy.durablePages = durablePages;
        copy.durableBytes = durableBytes;
        copy.cleanBytes = cleanBytes;
        copy.isJournal = isJournal;
        copy.dropped.putAll(dropped);
        copy.forgottenSectors.or(forgottenSectors);
        return copy;
    }

    /** A copy, for one image, in which an append has got so far. */
    SimFile copyAppended(MemorySegment source, long sourceBytes) {
        SimFile copy = copy();
        copy.pages = Arrays.copyOf(pages, pageCount(sizeBytes + sourceBytes));
        int last = (int) (sizeBytes / PAGE_BYTES);
        if (last < copy.pages.length && copy.pages[last] != null) {
            copy.pages[last] = copy.pages[last].clone();
        }
        copy.append(source, sourceBytes);
        return copy;
    }

    static int pageCount(long bytes) {
        return Math.toIntExact((bytes + PAGE_BYTES - 1) / PAGE_BYTES);
    }

    void append(MemorySegment source, long sourceBytes) {
        reservePages(pageCount(sizeBytes + sourceBytes));
        long at = 0;
        while (at < sourceBytes) {
            int index = (int) (sizeBytes / PAGE_BYTES);
            int offset = (int) (sizeBytes % PAGE_BYTES);
            int runBytes = (int) Math.min(PAGE_BYTES - offset, sourceBytes - at);
            byte[] page = pages[index];
            if (page == null) {
                page = new byte[PAGE_BYTES];
                pages[index] = page;
            }
            MemorySegment.copy(source, ValueLayout.JAVA_BYTE, at, page, offset, runBytes);
            sizeBytes += runBytes;
            at += runBytes;
        }
    }

    /** Makes a new file one of zeros that are not forced yet. */
    void fill(long bytes) {
        reservePages(pageCount(bytes));
        sizeBytes = bytes;
    }

    private void reservePages(int count) {
        if (pages.length < count) {
            boolean isShared = durablePages == pages;
            pages = Arrays.copyOf(pages, Math.max(count, 2 * pages.length));
            if (isShared) {
                durablePages = pages;
            }
        }
    }

    void force() {
        forgottenSectors.clear();
        if (isJournal) {
            forceDifferences();
            return;
        }
        if (durablePages != pages) {
            durablePages = Arrays.copyOf(durablePages, pages.length);
            for (int index = firstDirtyPage(); index < pageCount(sizeBytes); index++) {
                durablePages[index] = pages[index];
                dropped.remove(index);
            }
        }
        durableBytes = sizeBytes;
        cleanBytes = sizeBytes;
    }

    private void forceDifferences() {
        boolean isCopied = false;
        for (int index = 0; index < pageCount(sizeBytes); index++) {
            if (!isDirty(index)) {
                continue;
            }
            if (!isCopied) {
                durablePages = durablePages.clone();
                isCopied = true;
            }
            durablePages[index] = seenCopy(index);
            dropped.remove(index);
        }
    }

    /** What the kernel does when a force fails: the pages stay visible, and are clean. */
    void dropDirty() {
        forgottenSectors.clear();
        if (isJournal) {
            for (int index = 0; index < pageCount(sizeBytes); index++) {
                if (isDirty(index)) {
                    dropped.put(index, seenCopy(index));
                }
            }
            return;
        }
        if (sizeBytes == cleanBytes) {
            return;
        }
        // A copy in any case: it was shared with the pages, or is as long as they were.
        durablePages = Arrays.copyOf(durablePages, pages.length);
        int first = firstDirtyPage();
        for (int index = first; index < pageCount(sizeBytes); index++) {
            byte[] old = durablePages[index];
            int durableInPage = Math.clamp(durableBytes - (long) index * PAGE_BYTES, 0, PAGE_BYTES);
            boolean isShared = old == pages[index];
            durablePages[index] = durableInPage == 0 || old == null
                    ? null
                    : isShared ? Arrays.copyOf(Arrays.copyOf(old, durableInPage), PAGE_BYTES) : old;
            dropped.put(index, ZEROS);
        }
        cleanBytes = sizeBytes;
    }

    /** What a force would write now is noted as what a force that was left out should have written. */
    void forget() {
        for (int index = 0; index < pageCount(sizeBytes); index++) {
            if (isDirty(index)) {
                byte[] seen = seenCopy(index);
                byte[] onDisk = durableCopy(index);
                for (int at = 0; at < bytesOfPage(index); at += SECTOR_BYTES) {
                    boolean isBehindDisk = (long) index * PAGE_BYTES + at + SECTOR_BYTES > durableBytes;
                    if (isBehindDisk || !Arrays.equals(seen, at, at + SECTOR_BYTES, onDisk, at, at + SECTOR_BYTES)) {
                        forgottenSectors.set((index * PAGE_BYTES + at) / SECTOR_BYTES);
                    }
                }
            }
        }
    }

    boolean hasForgotten() {
        return !forgottenSectors.isEmpty();
    }

    /** A journal's page as it is seen, but with the disk's sectors where a force was left out. */
    byte[] seenButForgotten(int index) {
        byte[] page = seenCopy(index);
        byte[] onDisk = durableCopy(index);
        for (int at = 0; at < PAGE_BYTES; at += SECTOR_BYTES) {
            if (forgottenSectors.get((index * PAGE_BYTES + at) / SECTOR_BYTES)) {
                System.arraycopy(onDisk, at, page, at, SECTOR_BYTES);
            }
        }
        return page;
    }

    private int firstDirtyPage() {
        return sizeBytes == cleanBytes ? pageCount(sizeBytes) : (int) (cleanBytes / PAGE_BYTES);
    }

    /** From now on processes change the content through this segment, which starts as the content. */
    void map(MemorySegment segment) {
        read(0, segment);
        isJournal = true;
        mapped = segment;
    }

    void unmap() {
        pages = seenPages();
        mapped = null;
    }

    void read(long offset, MemorySegment target) {
        MemorySegment source = mapped;
        if (source != null) {
            MemorySegment.copy(source, offset, target, 0, target.byteSize());
            return;
        }
        long at = 0;
        while (at < target.byteSize()) {
            int index = (int) ((offset + at) / PAGE_BYTES);
            int inPage = (int) ((offset + at) % PAGE_BYTES);
            int runBytes = (int) Math.min(PAGE_BYTES - inPage, target.byteSize() - at);
            MemorySegment.copy(orZeros(pages[index]), inPage, target, ValueLayout.JAVA_BYTE, at, runBytes);
            at += runBytes;
        }
    }

    boolean isJournal() {
        return isJournal;
    }

    /** Whether the loss of power can take anything away. */
    boolean isSettled() {
        if (isJournal) {
            for (int index = 0; index < pageCount(sizeBytes); index++) {
                if (!isSeenOnDisk(index)) {
                    return false;
                }
            }
            return true;
        }
        return sizeBytes == durableBytes && dropped.isEmpty();
    }

    /** Whether the page is written by the next force. */
    boolean isDirty(int index) {
        if (!isJournal) {
            return firstDirtyPage() <= index && index < pageCount(sizeBytes);
        }
        if (isSeenOnDisk(index)) {
            return false;
        }
        byte[] droppedPage = dropped.get(index);
        return droppedPage == null || !isSeen(index, droppedPage);
    }

    private boolean isSeenOnDisk(int index) {
        byte[] onDisk = durablePages[index];
        return (mapped == null && pages[index] == onDisk) || isSeen(index, orZeros(onDisk));
    }

    private boolean isSeen(int index, byte[] page) {
        int bytes = bytesOfPage(index);
        MemorySegment segment = mapped;
        if (segment == null) {
            return Arrays.equals(orZeros(pages[index]), 0, bytes, page, 0, bytes);
        }
        long offset = (long) index * PAGE_BYTES;
        return MemorySegment.mismatch(segment, offset, offset + bytes, MemorySegment.ofArray(page), 0, bytes) < 0;
    }

    int bytesOfPage(int index) {
        return (int) Math.min(PAGE_BYTES, sizeBytes - (long) index * PAGE_BYTES);
    }

    byte[] seenCopy(int index) {
        byte[] copy = new byte[PAGE_BYTES];
        MemorySegment segment = mapped;
        if (segment == null) {
            System.arraycopy(orZeros(pages[index]), 0, copy, 0, PAGE_BYTES);
        } else {
            MemorySegment.copy(
                    segment, ValueLayout.JAVA_BYTE, (long) index * PAGE_BYTES, copy, 0, bytesOfPage(index));
        }
        return copy;
    }

    /** What the disk has of a page, zeros where it has nothing. */
    byte[] durableCopy(int index) {
        byte[] page = index < durablePages.length ? durablePages[index] : null;
        byte[] copy = new byte[PAGE_BYTES];
        int bytes = Math.clamp(durableBytes - (long) index * PAGE_BYTES, 0, PAGE_BYTES);
        System.arraycopy(orZeros(page), 0, copy, 0, bytes);
        return copy;
    }

    /**
     * Pages as processes see them, shared wherever they are not those of a mapped journal that differ from the disk's.
     */
    byte[] @Nullable [] seenPages() {
        if (mapped == null) {
            return pages;
        }
        byte[][] seen = durablePages.clone();
        for (int index = 0; index < pageCount(sizeBytes); index++) {
            if (!isSeenOnDisk(index)) {
                seen[index] = seenCopy(index);
            }
        }
        return seen;
    }

    byte[] @Nullable [] durablePages() {
        return durablePages;
    }

    private static byte[] orZeros(byte @Nullable [] page) {
        return page == null ? ZEROS : page;
    }
}
