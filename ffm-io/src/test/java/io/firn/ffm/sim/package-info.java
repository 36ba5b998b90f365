/**
 * A disk in memory that loses what was not forced, for tests of everything that uses the door to the disk.
 *
 * <pre>
 * file      := what processes see    (pages of 4 KiB; of a mapped journal the segment itself)
 *              what the disk has     (pages of 4 KiB: what the last good force left)
 *              what a failed force dropped (visible, and not made durable by a later force)
 * directory := names that processes see, names that the disk has
 * pending   := name operations and appends that no force or directory sync has made durable, in order
 * </pre>
 *
 * <p>{@link io.firn.ffm.sim.SimStorage} keeps that state, {@link io.firn.ffm.sim.CrashImage} draws what a crash leaves
 * of it, {@link io.firn.ffm.sim.FaultPlan} makes operations fail, {@link io.firn.ffm.sim.LazyStorage} plants mistakes.
 *
 * <p>Invariants: (1) an append file's bytes below its length, and any page that the disk has, are never changed in
 * place, so that images share them. (2) Everything drawn is determined by seed, number of the operation and number of
 * the image.
 *
 * <p>Below: file. Above: tests.
 */
@NullMarked
package io.firn.ffm.sim;

import org.jspecify.annotations.NullMarked;
