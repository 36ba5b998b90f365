package io.firn.memtable;

import java.lang.foreign.MemorySegment;

/**
 * Two leaves in the memtable's own format, changed in the steps in which the memtable changes them, but without
 * versions and fences, and read without checking: the minimal protocol with its protection taken out. A slot's entry
 * is the low half of its head.
 */
final class BareLeaves {
    private static final int RIGHT = NodeFormat.LEAF_BYTES;
    private static final int HAS_NEXT = 1;

    private final MemorySegment memory = MemorySegment.ofArray(new long[2 * NodeFormat.LEAF_BYTES / 8]);

    BareLeaves() {
        NodeFormat.write(memory, 0, 0);
    }

    void insert(long head) {
        boolean isRight = NodeFormat.next(memory, 0) != 0 && NodeFormat.upperHead(memory, 0) <= head;
        long base = isRight ? RIGHT : 0;
        int slots = NodeFormat.count(memory, base);
        if (slots == NodeFormat.SLOTS) {
            split();
            insert(head);
            return;
        }
        int at = NodeFormat.countBelow(memory, base, head);
        if (at < slots) {
            NodeFormat.copySlots(memory, base, at, memory, base, at + 1, slots - at, 0);
        }
        NodeFormat.setSlot(memory, base, at, head, (int) head);
        NodeFormat.setCount(memory, base, slots + 1);
    }

    private void split() {
        int half = NodeFormat.SLOTS / 2;
        NodeFormat.write(memory, RIGHT, 0);
        NodeFormat.copySlots(memory, 0, half, memory, RIGHT, 0, half, 0);
        NodeFormat.setCount(memory, RIGHT, half);
        NodeFormat.setNext(memory, 0, HAS_NEXT, NodeFormat.entry(memory, RIGHT, 0), NodeFormat.head(memory, RIGHT, 0));
        NodeFormat.setCount(memory, 0, half);
        NodeFormat.clearHeads(memory, 0, half, NodeFormat.SLOTS);
    }

    int lookup(long head) {
        boolean isRight = NodeFormat.next(memory, 0) != 0 && NodeFormat.upperHead(memory, 0) <= head;
        long base = isRight ? RIGHT : 0;
        int slots = NodeFormat.count(memory, base);
        int at = NodeFormat.countBelow(memory, base, head);
        if (slots <= at || NodeFormat.head(memory, base, at) != head) {
            return StressedMemtable.MISSING;
        }
        return NodeFormat.entry(memory, base, at) == (int) head ? StressedMemtable.WHOLE : StressedMemtable.TORN;
    }

    int walk(int entriesBefore, int newEntry) {
        int met = 0;
        boolean isNewMet = false;
        int last = -1;
        long base = 0;
        while (true) {
            int slots = NodeFormat.count(memory, base);
            for (int at = 0; at < slots; at++) {
                int entry = NodeFormat.entry(memory, base, at);
                if (entry <= last) {
                    return StressedMemtable.DISORDERED;
                }
                last = entry;
                isNewMet |= entry == newEntry;
                met += entry == newEntry ? 0 : 1;
            }
            if (base != 0 || NodeFormat.next(memory, 0) == 0) {
                break;
            }
            base = RIGHT;
        }
        if (met != entriesBefore) {
            return met < entriesBefore ? StressedMemtable.LOST : StressedMemtable.DISORDERED;
        }
        return isNewMet ? StressedMemtable.COMPLETE_WITH_NEW : StressedMemtable.COMPLETE_WITHOUT_NEW;
    }
}
