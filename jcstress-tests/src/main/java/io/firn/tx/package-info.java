/** Races of transactions. Each class holds the real thing and a twin that lacks one step and shows what it prevents. */
@NullMarked
package io.firn.tx;

import org.jspecify.annotations.NullMarked;
