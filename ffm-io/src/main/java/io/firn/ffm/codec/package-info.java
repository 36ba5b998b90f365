/**
 * Codecs: compression and checksums over segments.
 *
 * <pre>
 * LZ4 block := sequence* last         (the block format of LZ4, without frame; what lz4-java reads and writes)
 * sequence  := token:u8 literalsMore literals distance:u16LE matchMore
 * last      := token:u8 literalsMore literals
 * token     := literals << 4 | match bytes - 4     a nibble of 15 goes on in ...More: bytes that are added, up to and
 *                                                  with the first below 255
 * The last 5 bytes are literals, and no match starts in the last 12; a distance is 1 to 65,535.
 *
 * zstd      := one frame that declares its content size, without checksum
 * </pre>
 *
 * <p>Invariants: (1) no call allocates on the heap in steady state. (2) Source and target are private native memory,
 * never mapped bytes (R23). (3) A decoder writes nothing outside its target and reads nothing outside its source,
 * whatever the source says. (4) Whether native codecs may be used is asked once of the codec's own module (R26). The
 * libraries are optional: on the module path an application adds org.lz4.java and com.github.luben.zstd_jni itself.
 *
 * <p>Below: memory, budget. Above: the engine.
 */
@NullMarked
package io.firn.ffm.codec;

import org.jspecify.annotations.NullMarked;
