package io.firn;

import io.firn.ffm.sim.LazyStorage;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import java.lang.StackWalker.StackFrame;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The places in the engine that force a file or sync a directory: which of them were come past, and a door that leaves one of them
 * out. A place is the chain of callers from the door up to the step of the database that it is part of.
 *
 * <p>Threads: any.
 */
final class CallSites {
    private static final String DATABASE = "io.firn.db.";
    /** Whoever has an edit made durable is the step. */
    private static final String EDITS = "io.firn.db.Edits";

    private static final String DOOR = "io.firn.ffm.";
    private static final String BETWEEN = " < ";

    private final Set<String> seen = new TreeSet<>();
    private final @Nullable String leftOut;
    private long leftOutCount;

    /** Notes all, and leaves out the one of this name, if it is not null. */
    CallSites(@Nullable String leftOut) {
        this.leftOut = leftOut;
    }

    LazyStorage before(SimStorage disk) {
        return new LazyStorage(disk).skippingWhere((kind, path) -> isLeftOut(kind));
    }

    synchronized Set<String> seen() {
        return new TreeSet<>(seen);
    }

    /** The lines that were come past, as {@link House#linesThatCall} names them. */
    synchronized Set<String> linesSeen() {
        Set<String> lines = new TreeSet<>();
        seen.forEach(site -> lines.add(site.split(BETWEEN)[0]));
        return lines;
    }

    synchronized long leftOutCount() {
        return leftOutCount;
    }

    private boolean isLeftOut(Operation.Kind kind) {
        boolean isForce = kind == Operation.Kind.FORCE || kind == Operation.Kind.JOURNAL_FORCE;
        if (!isForce && kind != Operation.Kind.SYNC_DIRECTORY) {
            return false;
        }
        String site = callers();
        synchronized (this) {
            seen.add(site);
            if (site.equals(leftOut)) {
                leftOutCount++;
                return true;
            }
            return false;
        }
    }

    private static String callers() {
        return StackWalker.getInstance().walk(frames -> {
            List<String> chain = new ArrayList<>();
            for (StackFrame frame : (Iterable<StackFrame>) frames::iterator) {
                String name = frame.getClassName();
                if (name.startsWith(CallSites.class.getName()) || name.startsWith(DOOR) || !name.startsWith("io.firn.")) {
                    continue;
                }
                chain.add(name.substring(name.lastIndexOf('.') + 1) + "." + frame.getMethodName() + ":" + frame.getLineNumber());
                if (name.startsWith(DATABASE) && !name.equals(EDITS)) {
                    break;
                }
            }
            return String.join(BETWEEN, chain);
        });
    }
}
