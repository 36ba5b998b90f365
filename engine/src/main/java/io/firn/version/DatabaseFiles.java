package io.firn.version;

import java.nio.file.Path;
import java.util.Locale;

/** The names in a database's directory: what they are, and what they say. Journals name their own files. */
public record DatabaseFiles(Path directory) {
    /** What the parsers answer for a name that is none of ours. */
    public static final long NO_ID = -1;

    private static final String CURRENT = "CURRENT";
    private static final String CURRENT_TEMPORARY = "CURRENT.tmp";
    private static final String LOCK = "LOCK";
    private static final String JOURNAL = "journal";
    private static final String KEYSPACES = "keyspaces";
    private static final String TABLES = "tables";
    private static final String BLOBS = "blobs";
    private static final String MANIFEST_PREFIX = "manifest-";
    private static final String TABLE_SUFFIX = ".table";
    private static final String BLOB_SUFFIX = ".blob";
    private static final int DIGITS_MAX = 18;

    public Path current() {
        return directory.resolve(CURRENT);
    }

    /** What becomes CURRENT by a rename. */
    Path currentTemporary() {
        return directory.resolve(CURRENT_TEMPORARY);
    }

    public Path manifest(long manifestId) {
        return directory.resolve(MANIFEST_PREFIX + sixDigits(manifestId));
    }

    public Path journalDirectory() {
        return directory.resolve(JOURNAL);
    }

    public Path keyspacesDirectory() {
        return directory.resolve(KEYSPACES);
    }

    public Path keyspaceDirectory(int keyspaceId) {
        return keyspacesDirectory().resolve(Integer.toString(keyspaceId));
    }

    public Path tablesDirectory(int keyspaceId) {
        return keyspaceDirectory(keyspaceId).resolve(TABLES);
    }

    public Path table(int keyspaceId, long tableId) {
        return tablesDirectory(keyspaceId).resolve(sixDigits(tableId) + TABLE_SUFFIX);
    }

    public Path blobsDirectory(int keyspaceId) {
        return keyspaceDirectory(keyspaceId).resolve(BLOBS);
    }

    public Path blob(int keyspaceId, long blobFileId) {
        return blobsDirectory(keyspaceId).resolve(sixDigits(blobFileId) + BLOB_SUFFIX);
    }

    /**
     * Whether a name at the top of the directory is one that a database gives. A directory without CURRENT that holds
     * nothing else is an interrupted creation.
     */
    public static boolean isOurs(String name) {
        return name.equals(LOCK) || name.equals(CURRENT) || name.equals(CURRENT_TEMPORARY) || name.equals(JOURNAL)
                || name.equals(KEYSPACES) || manifestId(name) != NO_ID;
    }

    public static long manifestId(String name) {
        return name.startsWith(MANIFEST_PREFIX) ? idOfSixDigits(name.substring(MANIFEST_PREFIX.length())) : NO_ID;
    }

    public static long tableId(String name) {
        return idBefore(TABLE_SUFFIX, name);
    }

    public static long blobId(String name) {
        return idBefore(BLOB_SUFFIX, name);
    }

    private static long idBefore(String suffix, String name) {
        return name.endsWith(suffix) ? idOfSixDigits(name.substring(0, name.length() - suffix.length())) : NO_ID;
    }

    public static long keyspaceId(String name) {
        long id = number(name);
        return 0 < id && id <= Integer.MAX_VALUE && name.equals(Long.toString(id)) ? id : NO_ID;
    }

    /** Six digits, or more where the number needs them. */
    private static String sixDigits(long id) {
        assert id > 0 : "id " + id;
        return String.format(Locale.ROOT, "%06d", id);
    }

    private static long idOfSixDigits(String digits) {
        long id = number(digits);
        return id > 0 && digits.equals(sixDigits(id)) ? id : NO_ID;
    }

    private static long number(String digits) {
        if (digits.isEmpty() || digits.length() > DIGITS_MAX) {
            return NO_ID;
        }
        long number = 0;
        for (int i = 0; i < digits.length(); i++) {
            char digit = digits.charAt(i);
            if (digit < '0' || digit > '9') {
                return NO_ID;
            }
            number = number * 10 + (digit - '0');
        }
        return number;
    }
}
