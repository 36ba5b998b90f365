package io.firn.error;

import org.jspecify.annotations.Nullable;

/** Whatever a store, its disk or its state refuses. */
public abstract sealed class FirnException extends RuntimeException
        permits ClosedException,
                CodecMissingException,
                ConflictException,
                CorruptionException,
                FormatVersionException,
                KeyspaceDeletedException,
                LockedException,
                NoSpaceException,
                NotADatabaseException,
                PoisonedException,
                StorageException,
                WriteStalledException {
    private static final long serialVersionUID = 1;

    FirnException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
