package io.firn.ffm.codec;

/** A codec that has no twin in Java was asked for where its native library may not be loaded, or is missing. */
public final class CodecUnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Codec codec;

    CodecUnavailableException(Codec codec, String message) {
        super(message);
        this.codec = codec;
    }

    public Codec codec() {
        return codec;
    }
}
