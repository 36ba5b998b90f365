package io.firn.keyspace;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Which seqnos flush and compaction are told to keep. */
class SnapshotsTest {
    private final PublishedSeqno published = new PublishedSeqno();
    private final Snapshots snapshots = new Snapshots(published);

    @Test
    void aSnapshotReadsAtThePublishedSeqno() {
        published.publish(7);
        assertEquals(7, snapshots.open());
        published.publish(9);
        assertEquals(9, snapshots.open());
        assertArrayEquals(new long[] {7, 9}, snapshots.capture().seqnos());
        assertEquals(9, snapshots.capture().published());
    }

    @Test
    void aSeqnoIsKeptUntilItsLastSnapshotIsClosed() {
        published.publish(7);
        snapshots.open();
        snapshots.open();
        snapshots.close(7);
        assertArrayEquals(new long[] {7}, snapshots.capture().seqnos());
        snapshots.close(7);
        assertArrayEquals(new long[0], snapshots.capture().seqnos());
    }

    @Test
    void aCaptureIsNotChangedByWhatFollows() {
        published.publish(1);
        snapshots.open();
        Snapshots.Captured captured = snapshots.capture();
        snapshots.close(1);
        published.publish(2);
        snapshots.open();
        assertArrayEquals(new long[] {1}, captured.seqnos());
        assertEquals(1, captured.published());
    }

    @Test
    void countsAsASortedMap() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        Random random = new Random(seed);
        TreeMap<Long, Integer> model = new TreeMap<>();
        long seqno = 0;
        for (int step = 0; step < 20_000; step++) {
            if (random.nextInt(3) == 0) {
                published.publish(++seqno);
            }
            if (model.size() < 30 && random.nextBoolean()) {
                model.merge(snapshots.open(), 1, Integer::sum);
            } else if (!model.isEmpty()) {
                Long closed = model.ceilingKey((long) random.nextInt((int) seqno + 1));
                if (closed != null) {
                    snapshots.close(closed);
                    model.computeIfPresent(closed, (key, count) -> count == 1 ? null : count - 1);
                }
            }
            assertArrayEquals(model.keySet().stream().mapToLong(Long::longValue).toArray(), snapshots.capture().seqnos());
        }
    }
}
