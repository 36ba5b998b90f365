package io.firn.tool;

import io.firn.error.CorruptionException;
import io.firn.error.FirnException;
import io.firn.error.LockedException;
import io.firn.error.NoSpaceException;
import io.firn.error.PoisonedException;
import io.firn.error.StorageException;
import io.firn.ffm.file.DirectoryLockedException;
import io.firn.ffm.file.OutOfSpaceException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import org.jspecify.annotations.Nullable;

/** What went wrong, in words for whoever typed the command. */
final class Explanation {
    /** Causes of causes; more would be a circle. */
    private static final int DEPTH_MAX = 8;

    private Explanation() {}

    /** Null for what no user and no disk can be blamed for: a bug of ours. */
    static @Nullable String of(Throwable failure) {
        String words = of(failure, DEPTH_MAX);
        return words != null && words.contains("Too many open files")
                ? words + "; allow the process more of them (ulimit -n)"
                : words;
    }

    private static @Nullable String of(Throwable failure, int depth) {
        Throwable cause = failure.getCause();
        return switch (failure) {
            case PoisonedException e when cause != null && depth > 0 -> of(cause, depth - 1);
            case StorageException e when cause instanceof IOException io -> ofFile(io);
            case NoSpaceException e -> noSpace(e);
            case CorruptionException e -> "damaged: " + e.getMessage();
            case LockedException e -> locked(e);
            case DirectoryLockedException e -> locked(e);
            case UncheckedIOException e -> ofFile(e.getCause());
            case FirnException e -> e.getMessage();
            case IOException e -> ofFile(e);
            case CommandFailure e -> e.getMessage();
            case IllegalArgumentException e -> e.getMessage();
            default -> null;
        };
    }

    /** The platform's exceptions, which often say no more than the name of a file. */
    private static String ofFile(IOException e) {
        return switch (e) {
            case NoSuchFileException named -> named.getFile() + ": no such file or directory";
            case AccessDeniedException named -> named.getFile() + ": permission denied";
            case OutOfSpaceException full -> noSpace(full);
            default -> String.valueOf(e.getMessage());
        };
    }

    private static String locked(Exception e) {
        return e.getMessage() + "; a database is opened by one process at a time";
    }

    private static String noSpace(Exception e) {
        return e.getMessage() + "; make room and run the command again: nothing that was written before is lost";
    }
}
