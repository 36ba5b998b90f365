package io.firn.db;

import io.firn.error.FirnException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Steps of closing that all run, whatever fails; the first failure is thrown at the end, the others are suppressed in it. */
final class Closing {
    private @Nullable Throwable first;

    interface Step {
        void run() throws IOException;
    }

    void run(Step step) {
        try {
            step.run();
        } catch (Throwable t) {
            if (first == null) {
                first = t;
            } else {
                first.addSuppressed(t);
            }
        }
    }

    void throwFirst() {
        switch (first) {
            case null -> { }
            case FirnException e -> throw e;
            case IOException e -> throw Failures.translated(e);
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(first);
        }
    }
}
