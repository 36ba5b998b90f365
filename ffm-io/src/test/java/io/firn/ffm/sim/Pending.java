package io.firn.ffm.sim;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Something that was done and would not survive the loss of power for certain. */
sealed interface Pending {
    /** The file has its bytes up to {@code endBytes} from here on. */
    record Append(SimFile file, long endBytes) implements Pending {}

    /**
     * A node gets a name (no source), loses it (no target) or changes it. A rename is atomic, as on every journaling
     * file system: it is found done or not done, and never leaves a file with two names or with none.
     */
    record Naming(
            SimNode node,
            @Nullable SimDirectory sourceDirectory,
            @Nullable String sourceName,
            @Nullable SimDirectory targetDirectory,
            @Nullable String targetName)
            implements Pending {

        boolean touches(SimDirectory directory) {
            return sourceDirectory == directory || targetDirectory == directory;
        }

        /**
         * Carries it out on names that may lack what came before it: a file that is given a name loses every other one,
         * and a name is taken away only from the file that was meant.
         */
        void apply(Iterable<SimDirectory> directories, Function<SimDirectory, TreeMap<String, SimNode>> namesOf) {
            if (targetDirectory == null || targetName == null) {
                if (sourceDirectory != null && sourceName != null) {
                    namesOf.apply(sourceDirectory).remove(sourceName, node);
                }
                return;
            }
            for (SimDirectory directory : directories) {
                removeNode(namesOf.apply(directory));
            }
            namesOf.apply(targetDirectory).put(targetName, node);
        }

        @Override
        public String toString() {
            return sourceName + " -> " + targetName;
        }

        private void removeNode(TreeMap<String, SimNode> names) {
            for (Map.Entry<String, SimNode> entry : names.entrySet()) {
                if (entry.getValue() == node) {
                    names.remove(entry.getKey());
                    return;
                }
            }
        }
    }
}
