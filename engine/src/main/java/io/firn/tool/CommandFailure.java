package io.firn.tool;

/** A command cannot do what it was asked to; the message is all that there is to say. */
final class CommandFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    CommandFailure(String message) {
        super(message);
    }
}
