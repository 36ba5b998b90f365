/**
 * What the engine tells the flight recorder of the platform: flushes, compactions, stalls, forces of the journal, and the failure
 * that poisons.
 *
 * <p>Invariants: (1) no other room knows the recorder; without its module nothing here but {@link io.firn.event.Events} is ever
 * loaded. (2) While nobody records, telling costs the look at a flag and allocates nothing.
 *
 * <p>Below: nothing. Above: db, journal.
 */
@NullMarked
package io.firn.event;

import org.jspecify.annotations.NullMarked;
