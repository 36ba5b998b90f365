package io.firn.workload;

/**
 * The program of a process that fills an engine's write-ahead log with entries that come behind those of its settled
 * database, says so, and waits to be killed.
 */
final class LogFiller {
    static final String FULL = "full";

    private LogFiller() {}

    public static void main(String[] arguments) throws Exception {
        Trial trial = Trial.of(arguments);
        long count = trial.scale().logEntries();
        long first = trial.scale().entries();
        Operands operands = new Operands(Values.SMALL);
        // Neither is closed: what stands in the log alone must stay there.
        Session session = trial.open().session();
        for (long j = 0; j < count; j++) {
            operands.entry(first + WorkloadData.insertOrder(j, count));
            session.put(operands);
        }
        System.out.println(FULL);
        Thread.sleep(Long.MAX_VALUE);
    }
}
