/**
 * The budget: one account of off-heap bytes, shared by all who reserve from it.
 *
 * <p>Below: nothing. Above: memory, and every room of the engine that holds native memory.
 */
@NullMarked
package io.firn.ffm.budget;

import org.jspecify.annotations.NullMarked;
