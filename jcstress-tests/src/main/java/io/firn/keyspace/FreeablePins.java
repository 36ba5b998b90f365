package io.firn.keyspace;

/** A thing with pins whose content is overwritten when it is freed, as recycled memory would be. */
final class FreeablePins extends Pins {
    int content;

    FreeablePins(int content) {
        this.content = content;
    }
}
