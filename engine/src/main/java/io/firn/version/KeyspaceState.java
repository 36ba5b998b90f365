package io.firn.version;

import io.firn.config.KeyspaceOptions;

/** A keyspace as the manifest knows it. */
public record KeyspaceState(int id, String name, KeyspaceOptions options, long flushedSeqno, Levels levels) {

    static KeyspaceState created(int id, String name, KeyspaceOptions options) {
        return new KeyspaceState(id, name, options, 0, Levels.empty(options.levels()));
    }

    KeyspaceState withFlushedSeqno(long seqno) {
        return new KeyspaceState(id, name, options, seqno, levels);
    }

    KeyspaceState with(Change.OfLevels change) throws InvalidEditException {
        return new KeyspaceState(id, name, options, flushedSeqno, levels.with(change));
    }
}
