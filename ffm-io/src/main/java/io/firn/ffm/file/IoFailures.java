package io.firn.ffm.file;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What the platform throws, made into errors that name their file and tell a full disk from a broken one. */
final class IoFailures {
    private IoFailures() {}

    /** The failure itself where it names the file already, else one with the same message behind the file's name. */
    static IOException naming(Path file, IOException failure) {
        if (failure instanceof OutOfSpaceException || failure instanceof FileSizeException) {
            return failure;
        }
        String message = failure.getMessage();
        String reason = failure instanceof FileSystemException named ? named.getReason() : message;
        if (isOutOfSpace(reason)) {
            return new OutOfSpaceException(file + ": " + reason, failure);
        }
        boolean isNamed = failure instanceof FileSystemException named && named.getFile() != null;
        if (isNamed || message != null && message.contains(file.toString())) {
            return failure;
        }
        return new IOException(file + ": " + describe(failure), failure);
    }

    /** ENOSPC, EDQUOT and EFBIG, of which the platform passes on nothing but the text. */
    private static boolean isOutOfSpace(@Nullable String reason) {
        return reason != null
                && (reason.contains("No space left on device")
                        || reason.contains("Disk quota exceeded")
                        || reason.contains("File too large"));
    }

    private static String describe(IOException failure) {
        if (failure instanceof ClosedByInterruptException) {
            return "closed, because a thread was interrupted while it used the file";
        }
        if (failure instanceof ClosedChannelException) {
            return "closed";
        }
        return failure.getMessage() == null ? failure.toString() : failure.getMessage();
    }
}
