package io.firn;

import static java.lang.classfile.ClassFile.ACC_PRIVATE;
import static java.lang.classfile.ClassFile.ACC_PROTECTED;
import static java.lang.classfile.ClassFile.ACC_PUBLIC;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.error.FirnException;
import io.firn.ffm.budget.MemoryBudget;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.module.ModuleDescriptor;
import java.net.URI;
import java.net.URL;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/**
 * The house rules that a machine can check, on the class files of both modules. The room table is data: a new arrow is
 * a decision, made here.
 */
final class HouseTest {
    private static final Set<String> FFM =
            Set.of("io.firn.ffm.budget", "io.firn.ffm.memory", "io.firn.ffm.file", "io.firn.ffm.codec");
    private static final Set<String> FOR_EVERYONE =
            union(FFM, Set.of("io.firn.entry", "io.firn.config", "io.firn.error"));

    /** Room -> the rooms that it may use; arrows point down and are not transitive. */
    private static final Map<String, Set<String>> ROOMS = new HashMap<>();

    static {
        ROOMS.put("io.firn.ffm.budget", Set.of());
        ROOMS.put("io.firn.ffm.memory", Set.of("io.firn.ffm.budget"));
        ROOMS.put("io.firn.ffm.file", Set.of());
        ROOMS.put("io.firn.ffm.codec", Set.of("io.firn.ffm.budget", "io.firn.ffm.memory"));
        ROOMS.put("io.firn.error", Set.of());
        ROOMS.put("io.firn.config", Set.of("io.firn.error"));
        ROOMS.put("io.firn.entry", union(FFM, Set.of("io.firn.config", "io.firn.error")));
        ROOMS.put("io.firn.event", Set.of());
        room("block");
        room("cache");
        room("journal", "event");
        room("memtable");
        room("merge");
        room("blob", "block", "cache");
        // A table holds the blob files open that its entries name.
        room("table", "block", "cache", "blob");
        room("version", "table", "blob");
        room("compaction", "version", "merge", "table", "blob");
        room("keyspace", "version", "merge", "memtable", "table", "blob", "cache");
        room("db", "keyspace", "compaction", "version", "journal", "memtable", "cache",
                "event");
        room("tx", "db", "keyspace", "merge", "memtable");
        ROOMS.put("io.firn", union(FOR_EVERYONE, Set.of("io.firn.tx", "io.firn.db", "io.firn.keyspace")));
        // The tool inspects whatever it likes; nobody uses it.
        ROOMS.put("io.firn.tool", new HashSet<>(ROOMS.keySet()));
    }

    private static final Set<String> EXPORTED = Set.of("io.firn", "io.firn.config", "io.firn.error");
    private static final Set<String> VISIBLE = union(EXPORTED, Set.of("io.firn.ffm.budget"));

    /** The door to the disk stands in one room. The tool reads what its user names, which is no file of ours. */
    private static final Set<String> MAY_OPEN_FILES = Set.of("io.firn.ffm.file", "io.firn.tool");
    private static final Set<String> FILE_CLASSES = Set.of("java/nio/channels/FileChannel", "java/nio/file/Files",
            "java/nio/channels/AsynchronousFileChannel", "java/io/RandomAccessFile", "java/io/FileInputStream",
            "java/io/FileOutputStream", "java/io/FileReader", "java/io/FileWriter");

    private static final List<String> UNSAFE =
            List.of("sun/misc/Unsafe", "sun.misc.Unsafe", "jdk/internal/", "jdk.internal.");

    @Test
    void everyArrowIsListed() throws Exception {
        assertEquals(List.of(), house().unlistedArrows(ROOMS));
    }

    @Test
    void thereIsNoCycleOfPackages() throws Exception {
        assertEquals(List.of(), house().packageCycles());
    }

    @Test
    void theTableItselfHasNoCycle() {
        List<byte[]> rooms = new ArrayList<>();
        ROOMS.forEach((room, targets) -> rooms.add(classThatUses(room + ".Thing", targets)));
        assertEquals(List.of(), House.of(rooms.toArray(byte[][]::new)).packageCycles());
    }

    @Test
    void noInnerTypeStandsInTheSignaturesOfTheApi() throws Exception {
        assertEquals(List.of(), house().innerTypesInSignatures(EXPORTED, VISIBLE));
    }

    @Test
    void nothingUsesUnsafeOrInternalsOfTheJdk() throws Exception {
        assertEquals(List.of(), house().mentionsOf(UNSAFE));
    }

    @Test
    void nothingCallsARestrictedMethod() throws Exception {
        Set<String> restricted = House.restrictedMethods("java/lang", "java/lang/foreign");
        assertTrue(restricted.containsAll(Set.of("java/lang/foreign/MemorySegment.reinterpret", "java/lang/System.load",
                "java/lang/foreign/SymbolLookup.libraryLookup", "java/lang/foreign/Linker.downcallHandle")),
                restricted::toString);
        assertEquals(List.of(), house().usesOfMethods(restricted));
        assertEquals(List.of(), house().usesOfClasses(Set.of("java/lang/foreign/Linker"), Set.of()));
    }

    @Test
    void filesAreOpenedInOneRoom() throws Exception {
        assertEquals(List.of(), house().usesOfClasses(FILE_CLASSES, MAY_OPEN_FILES));
    }

    @Test
    void theFlightRecorderIsKnownInOneRoom() throws Exception {
        assertEquals(List.of(), house().usesOfClasses(Set.of("jdk/jfr/Event"), Set.of("io.firn.event")));
        assertTrue(house().usesOfClasses(Set.of("jdk/jfr/Event"), Set.of()).size() >= 5);
    }

    @Test
    void everyPackageIsIntroduced() throws Exception {
        assertEquals(List.of(), house().packagesWithoutInfo());
    }

    @Test
    void theModulesExportWhatIsAgreed() throws Exception {
        Map<String, Set<String>> engine = new HashMap<>();
        EXPORTED.forEach(name -> engine.put(name, Set.of()));
        assertEquals(List.of(), exportsBesides(engine, module(FirnException.class)));
        Map<String, Set<String>> ffm = new HashMap<>();
        FFM.forEach(name -> ffm.put(name, Set.of("io.firn")));
        ffm.put("io.firn.ffm.budget", Set.of());
        assertEquals(List.of(), exportsBesides(ffm, module(MemoryBudget.class)));
    }

    @Test
    void findsAnArrowThatIsNotListed() {
        House house = House.of(classThatUses("io.firn.block.Thing", Set.of("io.firn.table")));
        assertEquals(1, house.unlistedArrows(ROOMS).size());
        assertEquals(1, House.of(classThatUses("io.firn.misc.Thing", Set.of())).unlistedArrows(ROOMS).size());
        assertEquals(List.of(), House.of(classThatUses("io.firn.table.Thing", Set.of("io.firn.block")))
                .unlistedArrows(ROOMS));
    }

    @Test
    void findsTheArrowsOfTheRealHouseWhenTheTableIsEmpty() throws Exception {
        Map<String, Set<String>> none = new HashMap<>();
        ROOMS.keySet().forEach(room -> none.put(room, Set.of()));
        House house = house();
        assertTrue(house.classCount() > 30, house.classCount() + " classes");
        assertTrue(house.unlistedArrows(none).stream()
                .anyMatch(text -> text.startsWith("io.firn.version -> io.firn.error")));
    }

    @Test
    void findsACycle() {
        House house = House.of(classThatUses("io.firn.a.Thing", Set.of("io.firn.b")),
                classThatUses("io.firn.b.Thing", Set.of("io.firn.c")),
                classThatUses("io.firn.c.Thing", Set.of("io.firn.a")));
        assertEquals(3, house.packageCycles().size());
    }

    @Test
    void findsAnInnerTypeInASignatureAndLeavesHiddenMembersFree() {
        ClassDesc inner = ClassDesc.of("io.firn.table.Table");
        MethodTypeDesc taking = MethodTypeDesc.of(ConstantDescs.CD_void, inner.arrayType());
        for (int access : new int[] {ACC_PUBLIC, ACC_PROTECTED, ACC_PRIVATE, 0}) {
            int expected = access == ACC_PUBLIC || access == ACC_PROTECTED ? 1 : 0;
            House byMethod = House.of(ClassFile.of().build(ClassDesc.of("io.firn.Thing"), c -> c.withFlags(ACC_PUBLIC)
                    .withMethodBody("show", taking, access, code -> code.return_())));
            assertEquals(expected, byMethod.innerTypesInSignatures(EXPORTED, VISIBLE).size());
            House byField = House.of(ClassFile.of().build(ClassDesc.of("io.firn.Thing"),
                    c -> c.withFlags(ACC_PUBLIC).withField("shown", inner, access)));
            assertEquals(expected, byField.innerTypesInSignatures(EXPORTED, VISIBLE).size());
        }
        House hidden = House.of(ClassFile.of().build(ClassDesc.of("io.firn.Thing"),
                c -> c.withFlags(0).withField("shown", inner, ACC_PUBLIC)));
        assertEquals(List.of(), hidden.innerTypesInSignatures(EXPORTED, VISIBLE));
        House bySupertype = House.of(ClassFile.of().build(ClassDesc.of("io.firn.Thing"),
                c -> c.withFlags(ACC_PUBLIC).withSuperclass(inner)));
        assertEquals(1, bySupertype.innerTypesInSignatures(EXPORTED, VISIBLE).size());
    }

    @Test
    void findsUnsafeRestrictedMethodsAndFilesOutsideTheirRoom() throws Exception {
        ClassDesc segment = ClassDesc.of("java.lang.foreign.MemorySegment");
        House house = House.of(ClassFile.of().build(ClassDesc.of("io.firn.table.Thing"), c -> c
                .withMethodBody("misuse", MethodTypeDesc.of(ConstantDescs.CD_void), 0, code -> code
                        .invokestatic(ClassDesc.of("sun.misc.Unsafe"), "getUnsafe",
                                MethodTypeDesc.of(ClassDesc.of("sun.misc.Unsafe")))
                        .aconst_null().lconst_0()
                        .invokeinterface(segment, "reinterpret", MethodTypeDesc.of(segment, ConstantDescs.CD_long))
                        .aconst_null().invokestatic(ClassDesc.of("java.nio.file.Files"), "delete",
                                MethodTypeDesc.of(ConstantDescs.CD_void, ClassDesc.of("java.nio.file.Path")))
                        .return_())));
        assertTrue(!house.mentionsOf(UNSAFE).isEmpty());
        assertEquals(1, house.usesOfMethods(House.restrictedMethods("java/lang", "java/lang/foreign")).size());
        assertEquals(1, house.usesOfClasses(FILE_CLASSES, MAY_OPEN_FILES).size());
        assertEquals(List.of(), house.usesOfClasses(FILE_CLASSES, Set.of("io.firn.table")));
        assertEquals(List.of("package io.firn.table has no package-info"), house.packagesWithoutInfo());
    }

    @Test
    void findsAnExportTooMany() {
        ModuleDescriptor wide = ModuleDescriptor.newModule("io.firn").exports("io.firn.config").exports("io.firn.table")
                .exports("io.firn.error", Set.of("somebody")).opens("io.firn.entry").build();
        assertEquals(List.of("exports io.firn.table", "opens io.firn.entry"),
                exportsBesides(Map.of("io.firn.config", Set.of(), "io.firn.error", Set.of()), wide));
        ModuleDescriptor open = ModuleDescriptor.newModule("io.firn").exports("io.firn.ffm.file").build();
        assertEquals(1, exportsBesides(Map.of("io.firn.ffm.file", Set.of("io.firn")), open).size());
        ModuleDescriptor opening =
                ModuleDescriptor.newModule("io.firn").opens("io.firn.tool").opens("io.firn.db").build();
        assertEquals(2, exportsBesides(Map.of(), opening).size());
    }

    private static House house() throws Exception {
        return House.of(FirnException.class, MemoryBudget.class);
    }

    /**
     * Exports that are not agreed; agreed is a package with those to whom it may be exported, or with none for
     * everybody.
     */
    private static List<String> exportsBesides(Map<String, Set<String>> agreed, ModuleDescriptor module) {
        Set<String> violations = new TreeSet<>();
        for (ModuleDescriptor.Exports exports : module.exports()) {
            Set<String> allowed = agreed.get(exports.source());
            boolean isAgreed = allowed != null
                    && (allowed.isEmpty() || exports.isQualified() && allowed.containsAll(exports.targets()));
            if (!isAgreed) {
                violations.add("exports " + exports.source());
            }
        }
        for (ModuleDescriptor.Opens opens : module.opens()) {
            // picocli writes what was typed into the fields of the commands.
            if (!opens.source().equals("io.firn.tool") || !opens.targets().equals(Set.of("info.picocli"))) {
                violations.add("opens " + opens.source());
            }
        }
        if (module.isOpen()) {
            violations.add("is open");
        }
        return List.copyOf(violations);
    }

    private static ModuleDescriptor module(Class<?> representative) throws IOException {
        URL place = representative.getProtectionDomain().getCodeSource().getLocation();
        URI file = place.getPath().endsWith("/") ? URI.create(place + "module-info.class")
                : URI.create("jar:" + place + "!/module-info.class");
        try (InputStream in = file.toURL().openStream()) {
            return ModuleDescriptor.read(in);
        }
    }

    /** A class whose fields are of a type of each of these packages. */
    private static byte[] classThatUses(String name, Set<String> packages) {
        return ClassFile.of().build(ClassDesc.of(name), c -> {
            for (String used : packages) {
                c.withField(used.replace('.', '_'), ClassDesc.of(used + ".Thing"), 0);
            }
        });
    }

    private static void room(String name, String... below) {
        Set<String> targets = new HashSet<>(FOR_EVERYONE);
        for (String room : below) {
            targets.add("io.firn." + room);
        }
        ROOMS.put("io.firn." + name, targets);
    }

    private static Set<String> union(Set<String> a, Set<String> b) {
        Set<String> union = new HashSet<>(a);
        union.addAll(b);
        return union;
    }
}
