package io.firn.compaction;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A compaction filter threw: this compaction is aborted, and nothing else. */
public final class FilterFailedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    FilterFailedException(Throwable cause) {
        super("a compaction filter failed: " + cause, cause);
    }

    /** Runs what the application has written. */
    static <T extends @Nullable Object> T guarded(Supplier<T> call) {
        try {
            return call.get();
        } catch (RuntimeException | AssertionError | StackOverflowError e) {
            throw new FilterFailedException(e);
        }
    }
}
