/**
 * What can go wrong: one sealed, unchecked hierarchy under {@link io.firn.error.FirnException}. Bad arguments are
 * IllegalArgumentExceptions, thrown before any effect.
 */
@NullMarked
package io.firn.error;

import org.jspecify.annotations.NullMarked;
