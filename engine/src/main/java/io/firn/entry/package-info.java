/**
 * What an entry is: a key, a trailer of seqno and type, and a value.
 *
 * <pre>
 * trailer := seqno << 8 | type          seqno below 2^56
 * order   := key ascending (unsigned bytes), seqno descending; of equal (key, seqno) the later insert comes first
 * </pre>
 *
 * <p>Below: error, config, ffm-io. Above: everybody.
 */
@NullMarked
package io.firn.entry;

import org.jspecify.annotations.NullMarked;
