package io.firn.ffm.codec;

import io.firn.ffm.budget.MemoryBudget;
import org.jspecify.annotations.Nullable;

/** One decompressor a codec, opened when first needed. Threads: one at a time. Closed by: its holder. */
public final class Decompressors implements AutoCloseable {
    private final MemoryBudget budget;
    private final @Nullable Decompressor[] byId = new Decompressor[Codec.values().length];

    public Decompressors(MemoryBudget budget) {
        this.budget = budget;
    }

    /** Never asked for NONE: what is stored as it is needs no decompressor. */
    public Decompressor of(Codec codec) {
        Decompressor open = byId[codec.id()];
        if (open == null) {
            open = Codecs.decompressor(codec, budget);
            byId[codec.id()] = open;
        }
        return open;
    }

    @Override
    public void close() {
        for (int id = 0; id < byId.length; id++) {
            Decompressor open = byId[id];
            if (open != null) {
                open.close();
                byId[id] = null;
            }
        }
    }
}
