package io.firn.workload;

import java.util.List;

/** Has a trial done somewhere. */
interface Launcher {
    /** The figures of the trial. */
    List<Figures> measure(Trial trial) throws Exception;

    /** Leaves the trial's database as a kill leaves it, its write-ahead log full. */
    void killWithFullLog(Trial trial) throws Exception;
}
