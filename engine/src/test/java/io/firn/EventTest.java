package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.DatabaseStatistics;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import io.firn.config.PersistMode;
import io.firn.error.PoisonedException;
import io.firn.ffm.sim.FaultPlan;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import jdk.jfr.AnnotationElement;
import jdk.jfr.EventType;
import jdk.jfr.Recording;
import jdk.jfr.ValueDescriptor;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the flight recorder is told, and that nobody needs it. */
@Timeout(300)
final class EventTest {
    private static final List<String> NAMES =
            List.of("io.firn.Flush", "io.firn.Compaction", "io.firn.Stall", "io.firn.Force", "io.firn.Poison");

    @TempDir
    Path directory;

    @Test
    void eachEventIsRecordedWithWhatItTells() throws Exception {
        DatabaseStatistics statistics;
        try (Recording recording = new Recording(); SimStorage disk = new SimStorage()) {
            NAMES.forEach(name -> recording.enable(name).withoutThreshold());
            recording.start();
            disk.createDirectory(Path.of("/data"));
            Database db = Database.builder(Path.of("/data/db")).storage(disk).writeBufferBytes(1 << 20)
                    .journalCompression(Compression.NONE).open();
            Keyspace keyspace = db.keyspace("watched", KeyspaceOptions.defaults().compaction(
                    new CompactionStrategy.Leveled(20, 1 << 20, PerLevel.all(10.0))));
            for (int i = 0; i < 10; i++) {
                keyspace.put(key(i % 5), new byte[700 << 10]); // the next waits for the memory of the last
            }
            db.persist(PersistMode.SYNC_DATA);
            keyspace.majorCompact();
            statistics = db.statistics();
            disk.faults().fail(Operation.Kind.FORCE, "manifest-*", 1, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
            keyspace.put(key(1), new byte[1]);
            assertThrows(RuntimeException.class, keyspace::majorCompact);
            disk.faults().heal();
            assertThrows(PoisonedException.class, db::close);
            recording.stop();
            check(events(recording), statistics);
        }
    }

    private static void check(List<RecordedEvent> events, DatabaseStatistics statistics) {
        NAMES.forEach(name -> checkUnits(of(name, events).getFirst().getEventType()));
        List<RecordedEvent> flushes = of("io.firn.Flush", events);
        assertEquals(statistics.flushes().completed(),
                flushes.stream().filter(event -> event.getString("outcome").equals("completed")).count());
        assertEquals(statistics.flushes().writtenBytes(), sum("writtenBytes", flushes));
        assertEquals(statistics.flushes().readBytes(), sum("readBytes", flushes));
        assertTrue(flushes.stream().allMatch(event -> event.getString("keyspace").equals("watched")
                && event.getDuration().toNanos() > 0), flushes::toString);

        List<RecordedEvent> merges = of("io.firn.Compaction", events).stream()
                .filter(event -> event.getString("kind").equals("Merge") && event.getInt("level") == 6).toList();
        assertTrue(merges.stream().anyMatch(event -> event.getString("outcome").equals("completed")
                && event.getString("keyspace").equals("watched")
                && event.getLong("writtenBytes") > 0 && event.getLong("readBytes") > 0
                && event.getDuration().toNanos() > 0), events::toString);
        assertEquals(statistics.compactions().writtenBytes(), sum("writtenBytes", of("io.firn.Compaction", events)));

        List<RecordedEvent> stalls = of("io.firn.Stall", events);
        assertTrue(stalls.stream().anyMatch(event -> event.getString("reason").equals("MEMORY")
                && event.getString("keyspace").equals("watched")
                && event.getDuration("stalledNanos").compareTo(Duration.ZERO) > 0), stalls::toString);

        List<RecordedEvent> forces = of("io.firn.Force", events);
        assertTrue(sum("forcedBytes", forces) >= 10 * (700 << 10), forces::toString);
        assertTrue(forces.stream().allMatch(event -> event.getLong("journal") > 0 && event.getLong("forcedBytes") > 0),
                forces::toString);

        List<RecordedEvent> poisons = of("io.firn.Poison", events);
        assertEquals(1, poisons.size(), "the first cause");
        assertTrue(poisons.getFirst().getString("thrownClass").contains("Exception"), poisons::toString);
        assertTrue(poisons.getFirst().getString("message").length() > 0, poisons::toString);
    }

    private static void checkUnits(EventType type) {
        assertEquals(List.of("Firn"), type.getCategoryNames());
        for (ValueDescriptor field : type.getFields()) {
            String units = field.getAnnotationElements().stream().map(AnnotationElement::getTypeName)
                    .collect(Collectors.joining(" "));
            assertTrue(!field.getName().endsWith("Bytes") || units.contains("jdk.jfr.DataAmount"), field.getName());
            assertTrue(!field.getName().endsWith("Nanos") || units.contains("jdk.jfr.Timespan"), field.getName());
        }
    }

    @Test
    void aRuntimeWithoutTheRecorderDoesAllTheSame() throws Exception {
        Path output = directory.resolve("output");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx64m",
                        "-XX:+UseSerialGC", "--limit-modules", "java.base,java.logging",
                        "-cp", System.getProperty("java.class.path"),
                        WithoutRecorderProgram.class.getName(), directory.resolve("db").toString())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        assertEquals(0, process.waitFor(), () -> read(output));
        assertTrue(read(output).contains("clean"), () -> read(output));
    }

    private static List<RecordedEvent> of(String name, List<RecordedEvent> events) {
        return events.stream().filter(event -> event.getEventType().getName().equals(name)).toList();
    }

    private static long sum(String field, List<RecordedEvent> events) {
        return events.stream().mapToLong(event -> event.getLong(field)).sum();
    }

    private List<RecordedEvent> events(Recording recording) throws IOException {
        Path file = directory.resolve("recording.jfr");
        recording.dump(file);
        try (Stream<RecordedEvent> all = RecordingFile.readAllEvents(file).stream()) {
            return all.filter(event -> NAMES.contains(event.getEventType().getName())).toList();
        }
    }

    private static byte[] key(int number) {
        return ByteBuffer.allocate(Integer.BYTES).putInt(number).array();
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
