/**
 * Firn's API: what does something. Values stand in {@code io.firn.config}, errors in {@code io.firn.error}.
 *
 * <p>Every handle is thread-safe unless it says "one thread", and answers ClosedException after {@code close}. Keys and
 * values are {@code byte[]} or any {@code MemorySegment}; they are copied before a call returns. Segments that go out
 * are read-only and valid inside their callback, or until their cursor moves; with {@code -Dfirn.checks=true} they die
 * then. Missing is {@code null} for objects and {@code -1} for sizes.
 *
 * <p>Below: db, keyspace.
 */
@NullMarked
package io.firn;

import org.jspecify.annotations.NullMarked;
