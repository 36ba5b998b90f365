package io.firn.error;

/** The data needs a native codec, and the application has not enabled native access for it. */
public final class CodecMissingException extends FirnException {
    private static final long serialVersionUID = 1;

    public CodecMissingException(String message) {
        super(message, null);
    }
}
