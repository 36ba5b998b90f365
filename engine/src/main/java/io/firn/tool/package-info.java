/**
 * The command line: {@code firn load|get|put|remove|scan|stats|verify --db DIR}.
 *
 * <pre>
 * line := key [ TAB value ] NEWLINE      of a file to load; the first tab divides, without one the value is empty;
 *                                        a carriage return belongs to the value; the last line may lack its newline
 * </pre>
 *
 * <p>Invariants: (1) exit code 0 is success, 1 a missing key or a problem that verify found, 2 a failure or a wrong
 * command. (2) What a command answers goes to the standard output, all else to the standard error. (3) A failure that
 * has a cause outside of this program is one line without a stack trace. (4) Commands that only read create no
 * database; verify also recovers and writes nothing but LOCK.
 *
 * <p>Below: io.firn and every room that it inspects. Above: nobody.
 */
@NullMarked
package io.firn.tool;

import org.jspecify.annotations.NullMarked;
