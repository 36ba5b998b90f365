/** Races of the journal. Each class holds the real thing and twins that lack one step and show what it prevents. */
@NullMarked
package io.firn.journal;

import org.jspecify.annotations.NullMarked;
