package io.firn.model;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What a cursor should show: a position in a range of a keyspace, as that was after a commit.
 *
 * <p>Threads: one.
 */
final class ModelCursor {
    private final Space space;
    private final int commit;
    private final Range range;
    private byte @Nullable [] takenFront;
    private byte @Nullable [] takenBack;
    private boolean isEmptied;

    private Place place = Place.UNMOVED;
    private byte[] key = {};

    /** Where it stands; at a key that is missing it stands between two others. */
    private enum Place { UNMOVED, BEFORE_START, AT_KEY, AT_MISSING_KEY, AFTER_END }

    ModelCursor(Space space, int commit, Range range) {
        this.space = space;
        this.commit = commit;
        this.range = range;
    }

    boolean move(Step.Kind kind) {
        return switch (kind) {
            case FIRST -> first();
            case LAST -> last();
            case NEXT -> switch (place) {
                case UNMOVED, BEFORE_START -> first();
                case AT_KEY, AT_MISSING_KEY -> up(key, false);
                case AFTER_END -> false;
            };
            case PREVIOUS -> switch (place) {
                case UNMOVED, AFTER_END -> last();
                case AT_KEY, AT_MISSING_KEY -> down(key, false);
                case BEFORE_START -> false;
            };
            case NEXT_FRONT -> {
                boolean isThere = first();
                takenFront = isThere ? key : takenFront;
                isEmptied |= !isThere;
                yield isThere;
            }
            case NEXT_BACK -> {
                boolean isThere = last();
                takenBack = isThere ? key : takenBack;
                isEmptied |= !isThere;
                yield isThere;
            }
        };
    }

    boolean seek(Step.SeekKind kind, byte[] sought) {
        return switch (kind) {
            case SEEK -> up(sought, true);
            case SEEK_FOR_PREVIOUS -> down(sought, true);
            case FIND -> {
                boolean isThere = isWithin(sought) && space.get(sought, commit) != null;
                key = sought;
                place = isThere ? Place.AT_KEY : Place.AT_MISSING_KEY;
                yield isThere;
            }
        };
    }

    byte[] key() {
        return key;
    }

    byte[] value() {
        byte[] value = space.get(key, commit);
        if (place != Place.AT_KEY || value == null) {
            throw new IllegalStateException("no entry");
        }
        return value;
    }

    boolean isAtEntry() {
        return place == Place.AT_KEY;
    }

    private boolean first() {
        return up(null, true);
    }

    private boolean last() {
        return down(null, true);
    }

    private boolean up(byte @Nullable [] from, boolean isInclusive) {
        byte[] found = space.ceiling(from, isInclusive, commit);
        while (found != null && !isWithin(found) && !range.isBehind(found)) {
            found = space.ceiling(found, false, commit);
        }
        return arrive(found, Place.AFTER_END);
    }

    private boolean down(byte @Nullable [] to, boolean isInclusive) {
        byte[] found = space.floor(to, isInclusive, commit);
        while (found != null && !isWithin(found) && !range.isBefore(found)) {
            found = space.floor(found, false, commit);
        }
        return arrive(found, Place.BEFORE_START);
    }

    private boolean arrive(byte @Nullable [] found, Place otherwise) {
        boolean isThere = found != null && isWithin(found);
        if (isThere) {
            key = found;
        }
        place = isThere ? Place.AT_KEY : otherwise;
        return isThere;
    }

    private boolean isWithin(byte[] at) {
        return !isEmptied
                && range.contains(at)
                && (takenFront == null || Arrays.compareUnsigned(takenFront, at) < 0)
                && (takenBack == null || Arrays.compareUnsigned(at, takenBack) < 0);
    }
}
