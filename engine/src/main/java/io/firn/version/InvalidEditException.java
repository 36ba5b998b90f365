package io.firn.version;

/**
 * An edit that does not fit the state: corruption where it was read, a bug of ours where it is about to be written.
 */
final class InvalidEditException extends Exception {
    private static final long serialVersionUID = 1;

    private final String expected;
    private final String found;

    InvalidEditException(String expected, String found) {
        super("found " + found + ", expected " + expected);
        this.expected = expected;
        this.found = found;
    }

    static void unless(boolean isValid, String expected, Object found) throws InvalidEditException {
        if (!isValid) {
            throw new InvalidEditException(expected, String.valueOf(found));
        }
    }

    String expected() {
        return expected;
    }

    String found() {
        return found;
    }
}
