package io.firn.block;

import io.firn.error.CorruptionException;
import io.firn.ffm.file.FileSizeException;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.file.Storage;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A file of blocks that the manifest names, and whose length it knows. */
public final class BlockFile {
    private BlockFile() {}

    /** Maps the file, which is {@code what}; one that is missing or of another length is a CorruptionException. */
    public static MappedFile map(Storage storage, Path path, long fileBytes, String what) throws IOException {
        try {
            return storage.map(path, fileBytes);
        } catch (FileSizeException e) {
            throw new CorruptionException(path, Math.min(e.expectedBytes(), e.foundBytes()),
                    what + " of " + e.expectedBytes() + " bytes", e.foundBytes() + " bytes");
        } catch (NoSuchFileException e) {
            throw new CorruptionException(path, 0, what + " of " + fileBytes + " bytes", "no file");
        }
    }
}
