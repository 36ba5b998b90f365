package io.firn.ffm.sim;

import java.util.TreeMap;

/** Names: those that processes see and those that the disk has. Sorted, so that whatever walks them is repeatable. */
final class SimDirectory implements SimNode {
    final TreeMap<String, SimNode> current = new TreeMap<>();
    final TreeMap<String, SimNode> durable = new TreeMap<>();
}
