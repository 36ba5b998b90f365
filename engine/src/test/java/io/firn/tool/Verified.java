package io.firn.tool;

import io.firn.ffm.file.Storage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What {@code firn verify} says about a database that is not open, for tests in other packages. */
public final class Verified {
    private Verified() {}

    /** Everything that is wrong; and, if nothing was interrupted, what a clean close does not leave. */
    public static List<String> complaints(Storage storage, Path directory, boolean wasInterrupted) throws IOException {
        Verification verification = new Verification(storage, directory);
        verification.run();
        List<String> complaints = new ArrayList<>(verification.problems());
        if (!wasInterrupted) {
            complaints.addAll(verification.notes());
        }
        return complaints;
    }
}
