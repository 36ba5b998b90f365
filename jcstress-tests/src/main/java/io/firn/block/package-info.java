/** The race of first touches in a table (R23), and its twin without what protects it. */
package io.firn.block;
