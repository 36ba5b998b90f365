/**
 * The vocabulary of the API: options, policies and modes, all immutable values.
 */
@NullMarked
package io.firn.config;

import org.jspecify.annotations.NullMarked;
