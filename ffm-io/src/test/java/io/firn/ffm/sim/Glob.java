package io.firn.ffm.sim;

import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;

/** A pattern for the last name of a path, or for the whole path where the pattern has a slash. */
final class Glob {
    private final String pattern;
    private final PathMatcher matcher;

    Glob(String pattern) {
        this.pattern = pattern;
        this.matcher = FileSystems.getDefault().getPathMatcher("glob:" + pattern);
    }

    boolean matches(Path path) {
        if (pattern.indexOf('/') >= 0) {
            return matcher.matches(path);
        }
        Path name = path.getFileName();
        return name != null && matcher.matches(name);
    }

    @Override
    public String toString() {
        return pattern;
    }
}
