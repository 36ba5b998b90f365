/**
 * The door to the disk: every file operation of Firn goes through {@link io.firn.ffm.file.Storage}.
 *
 * <p>A file is created once, appended to, forced and closed; then it is only mapped, read, renamed or deleted. There is
 * no truncate, no overwrite and no append to an existing file, so no mapping loses its pages by us. A journal alone is
 * mapped for writing, after every byte of it was written once (never over a hole: a store into one is a SIGBUS when the
 * disk is full).
 *
 * <p>Invariants: (1) only threads of the engine call in here: an interrupt closes a FileChannel for everybody. (2) A
 * failed force is final for its file; nothing is retried on it. (3) A name is durable after {@code syncDirectory}, a
 * content after {@code force}; neither implies the other. (4) An error names its file; a full disk is an {@link
 * io.firn.ffm.file.OutOfSpaceException}.
 *
 * <p>Below: nothing. Above: the engine.
 */
@NullMarked
package io.firn.ffm.file;

import org.jspecify.annotations.NullMarked;
