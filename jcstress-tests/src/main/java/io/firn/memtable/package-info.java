/**
 * The races of the memtable (R18), one class each. A class {@code ...WithoutFence} runs the same steps without the
 * nodes' versions and fences, and shows what they prevent.
 */
package io.firn.memtable;
