/**
 * The races of the block cache (R19), one class each. A class {@code ...WithoutCheck}, {@code ...WithoutSecondLook} or
 * {@code ...ByStore} runs the same steps without what protects them, and shows what that prevents.
 */
package io.firn.cache;
