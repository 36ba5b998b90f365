package io.firn.ffm.sim;

import io.firn.ffm.file.OutOfSpaceException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which operations of a {@link SimStorage} fail, and how. Every fault is kept with the stack that it hit.
 *
 * <p>Threads: any; under the storage's monitor where the storage asks.
 */
public final class FaultPlan {
    /** What goes wrong. */
    public enum Cause {
        /** Nothing is done; a force also drops what it should have written. */
        EIO,
        /** The operation is carried out, and reported as failed. */
        EIO_AFTERWARDS,
        ENOSPC,
        EDQUOT,
        EFBIG,
        EMFILE,
        /** Half of an append stays behind. */
        SHORT_WRITE,
        /** One bit of what is read or mapped is wrong, and nobody says so. */
        BIT_FLIP
    }

    /** How often a rule strikes. */
    public enum Times {
        ONCE,
        FOR_EVER
    }

    /** A fault that struck: where, and with the stack of the caller. */
    public record Injected(Operation operation, Cause cause, Throwable stack) {
        @Override
        public String toString() {
            return cause + " at " + operation;
        }
    }

    private final List<Rule> rules = new ArrayList<>();
    private final List<Injected> injected = new ArrayList<>();
    private final List<Path> retriedForces = new ArrayList<>();
    private long operations;

    /** The nth operation from now on of this kind on a matching path fails, or that and all later ones. */
    public synchronized FaultPlan fail(Operation.Kind kind, String glob, long nth, Cause cause, Times times) {
        if ((cause == Cause.BIT_FLIP && kind != Operation.Kind.READ && kind != Operation.Kind.MAP)
                || (cause == Cause.SHORT_WRITE && kind != Operation.Kind.APPEND)) {
            throw new IllegalArgumentException(cause + " does not happen to " + kind);
        }
        rules.add(new Rule(kind, new Glob(glob), nth, cause, times));
        return this;
    }

    /** The nth operation from now on fails, whatever it is, or that and all later ones. */
    public synchronized FaultPlan failAny(long nth, Cause cause, Times times) {
        if (cause == Cause.BIT_FLIP || cause == Cause.SHORT_WRITE) {
            throw new IllegalArgumentException(cause + " does not happen to every kind of operation");
        }
        rules.add(new Rule(null, null, nth, cause, times));
        return this;
    }

    /** From now on everything works. */
    public synchronized void heal() {
        rules.clear();
    }

    /** All faults that struck so far. */
    public synchronized List<Injected> injected() {
        return List.copyOf(injected);
    }

    /** Files on which a force was asked for again after one had failed: what that dropped stays lost, and nobody would know. */
    public synchronized List<Path> retriedForces() {
        return List.copyOf(retriedForces);
    }

    synchronized void noteRetriedForce(Path path) {
        retriedForces.add(path);
    }

    /** How many operations were asked for, those that change nothing included: the range of {@link #failAny}. */
    public synchronized long operations() {
        return operations;
    }

    synchronized @Nullable Cause next(Operation.Kind kind, Path path) {
        operations++;
        @Nullable Cause cause = null;
        for (Rule rule : rules) {
            if (rule.strikes(kind, path) && cause == null) {
                cause = rule.cause;
            }
        }
        if (cause != null) {
            Operation operation = new Operation(operations, kind, path);
            injected.add(new Injected(operation, cause, new Throwable(cause + " at " + operation)));
        }
        return cause;
    }

    static IOException failure(Cause cause, Path path) {
        return switch (cause) {
            case EIO, EIO_AFTERWARDS, SHORT_WRITE -> new IOException(path + ": Input/output error (injected)");
            case ENOSPC -> new OutOfSpaceException(path, "No space left on device (injected)");
            case EDQUOT -> new OutOfSpaceException(path, "Disk quota exceeded (injected)");
            case EFBIG -> new OutOfSpaceException(path, "File too large (injected)");
            case EMFILE -> new FileSystemException(path.toString(), null, "Too many open files (injected)");
            case BIT_FLIP -> throw new IllegalArgumentException("a flipped bit is no failure");
        };
    }

    private static final class Rule {
        private final Operation.@Nullable Kind kind;
        private final @Nullable Glob glob;
        private final long nth;
        private final Cause cause;
        private final Times times;
        private long seen;

        Rule(Operation.@Nullable Kind kind, @Nullable Glob glob, long nth, Cause cause, Times times) {
            this.kind = kind;
            this.glob = glob;
            this.nth = nth;
            this.cause = cause;
            this.times = times;
        }

        boolean strikes(Operation.Kind asked, Path path) {
            if ((kind != null && kind != asked) || (glob != null && !glob.matches(path))) {
                return false;
            }
            seen++;
            return times == Times.ONCE ? seen == nth : seen >= nth;
        }
    }
}
