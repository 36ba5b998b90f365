package io.firn.version;

import io.firn.config.KeyspaceOptions;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** One thing that an edit changes in the state of the database. */
public sealed interface Change {
    int NAME_BYTES_MAX = 255;

    /** The name of a keyspace as bytes; a name that has no such form is an IllegalArgumentException. */
    static byte[] nameBytes(String name) {
        try {
            ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(name));
            byte[] bytes = new byte[encoded.remaining()];
            encoded.get(bytes);
            if (1 <= bytes.length && bytes.length <= NAME_BYTES_MAX) {
                return bytes;
            }
            throw new IllegalArgumentException("a keyspace name of " + bytes.length
                    + " bytes of UTF-8; names have 1 to " + NAME_BYTES_MAX);
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("a keyspace name with half a surrogate pair has no UTF-8 form", e);
        }
    }

    /** Keyspaces are created in the order of their ids. */
    record KeyspaceCreated(int id, String name, KeyspaceOptions options) implements Change {}

    /** The keyspace goes with all its tables. */
    record KeyspaceDeleted(int id) implements Change {}

    /** What changes the levels of a keyspace. Such changes of one edit follow each other. */
    sealed interface OfLevels extends Change {
        int keyspaceId();

        /** Those that are added; some may only move. */
        default List<TableRecord> tables() {
            return List.of();
        }
    }

    /** The tables, in key order and disjoint, become a run of the level: the newest at position 0, or behind so many newer ones. */
    record RunAdded(int keyspaceId, int level, int position, List<TableRecord> tables) implements OfLevels {
        public RunAdded {
            tables = List.copyOf(tables);
        }
    }

    /** The tables, in key order, join the run at this position of the level, whose tables they do not overlap. */
    record TablesAdded(int keyspaceId, int level, int position, List<TableRecord> tables) implements OfLevels {
        public TablesAdded {
            tables = List.copyOf(tables);
        }
    }

    /** All tables of the keyspace go. */
    record TablesCleared(int keyspaceId) implements OfLevels {}

    /** The tables go, from whichever levels; a run that is left empty goes too. */
    record TablesRemoved(int keyspaceId, List<Long> tableIds) implements OfLevels {
        public TablesRemoved {
            tableIds = List.copyOf(tableIds);
        }
    }

    /** All entries of the keyspace up to this seqno are in tables or forgotten; replay skips them (R6). */
    record Flushed(int keyspaceId, long seqno) implements Change {}

    /** The next ids to be given; every edit says them. */
    record Counters(long nextSeqno, long nextFileId, int nextKeyspaceId) implements Change {}

    /** Journals before this one hold nothing that is still needed. */
    record JournalsLive(long firstJournalId) implements Change {}
}
