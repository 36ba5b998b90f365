package io.firn.ffm.sim;

/** What a name can stand for. */
sealed interface SimNode permits SimFile, SimDirectory {}
