package io.firn;

import java.io.IOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.FieldModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.InnerClassInfo;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LineNumber;
import java.lang.reflect.AccessFlag;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The class files of the house, and what can be asked of them. Every question answers with its violations as sentences.
 */
final class House {
    /**
     * A type of ours, wherever the constant pool speaks of one: as a class, in a descriptor, in a generic signature.
     */
    private static final Pattern OUR_TYPE = Pattern.compile("\\b(io/firn(?:/[a-z0-9_]+)*)/([A-Z]\\w*(?:\\$\\w+)*)");
    private static final String RESTRICTED = "Ljdk/internal/javac/Restricted;";
    private static final String NULL_MARKED = "Lorg/jspecify/annotations/NullMarked;";

    private final Map<String, ClassModel> classes = new TreeMap<>();

    /** Everything in the folder or jar that these classes came from. */
    static House of(Class<?>... representatives) throws Exception {
        House house = new House();
        for (Class<?> representative : representatives) {
            Path place = Path.of(representative.getProtectionDomain().getCodeSource().getLocation().toURI());
            if (Files.isDirectory(place)) {
                house.addAll(place);
            } else {
                try (FileSystem jar = FileSystems.newFileSystem(place)) {
                    house.addAll(jar.getPath("/"));
                }
            }
        }
        return house;
    }

    static House of(byte[]... classFiles) {
        House house = new House();
        for (byte[] bytes : classFiles) {
            house.add(bytes);
        }
        return house;
    }

    private void addAll(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.filter(path -> path.toString().endsWith(".class")).toList()) {
                if (!file.endsWith("module-info.class")) {
                    add(Files.readAllBytes(file));
                }
            }
        }
    }

    private void add(byte[] bytes) {
        ClassModel model = ClassFile.of().parse(bytes);
        classes.put(model.thisClass().asInternalName(), model);
    }

    int classCount() {
        return classes.size();
    }

    Set<String> packages() {
        Set<String> packages = new TreeSet<>();
        classes.keySet().forEach(name -> packages.add(packageOf(name)));
        return packages;
    }

    /** From package to package, with one class as witness. */
    private Map<String, Map<String, String>> arrows() {
        Map<String, Map<String, String>> arrows = new TreeMap<>();
        classes.forEach((name, model) -> {
            String from = packageOf(name);
            for (PoolEntry entry : model.constantPool()) {
                if (entry instanceof Utf8Entry text) {
                    for (String to : packagesIn(text.stringValue())) {
                        if (!to.equals(from)) {
                            arrows.computeIfAbsent(from, key -> new TreeMap<>()).putIfAbsent(to, name);
                        }
                    }
                }
            }
        });
        return arrows;
    }

    /** Arrows that the table does not list. A package that is no room of the table is a violation too. */
    List<String> unlistedArrows(Map<String, Set<String>> table) {
        List<String> violations = new ArrayList<>();
        for (String room : packages()) {
            if (!table.containsKey(room)) {
                violations.add("package " + room + " is no room of the table");
            }
        }
        arrows().forEach((from, targets) -> targets.forEach((to, witness) -> {
            if (!table.getOrDefault(from, Set.of()).contains(to)) {
                violations.add(from + " -> " + to + " is not listed (" + witness + ")");
            }
        }));
        return violations;
    }

    List<String> packageCycles() {
        Map<String, Map<String, String>> arrows = arrows();
        List<String> violations = new ArrayList<>();
        for (String start : arrows.keySet()) {
            Set<String> reached = new HashSet<>();
            Deque<String> open = new ArrayDeque<>(arrows.get(start).keySet());
            while (!open.isEmpty()) {
                String next = open.pop();
                if (reached.add(next)) {
                    open.addAll(arrows.getOrDefault(next, Map.of()).keySet());
                }
            }
            if (reached.contains(start)) {
                violations.add(start + " reaches itself by " + reached);
            }
        }
        return violations;
    }

    /** Types of ours that a caller of the exported packages sees, and that lie in none of the visible ones. */
    List<String> innerTypesInSignatures(Set<String> exported, Set<String> visible) {
        List<String> violations = new ArrayList<>();
        classes.forEach((name, model) -> {
            if (exported.contains(packageOf(name)) && isPublic(name)) {
                for (String text : signaturesOf(model)) {
                    for (String type : packagesIn(text)) {
                        if (!visible.contains(type)) {
                            violations.add(name + " shows a type of " + type + ": " + text);
                        }
                    }
                }
            }
        });
        return violations;
    }

    /** Uses of classes outside the packages that may use them. */
    List<String> usesOfClasses(Set<String> internalNames, Set<String> allowedPackages) {
        List<String> violations = new ArrayList<>();
        classes.forEach((name, model) -> {
            if (!allowedPackages.contains(packageOf(name))) {
                for (PoolEntry entry : model.constantPool()) {
                    if (entry instanceof ClassEntry used && internalNames.contains(used.asInternalName())) {
                        violations.add(name + " uses " + used.asInternalName());
                    }
                }
            }
        });
        return violations;
    }

    /** Uses of methods, given as owner.name. */
    List<String> usesOfMethods(Set<String> methods) {
        List<String> violations = new ArrayList<>();
        classes.forEach((name, model) -> {
            for (PoolEntry entry : model.constantPool()) {
                if (entry instanceof MemberRefEntry member) {
                    String method = member.owner().asInternalName() + "." + member.name().stringValue();
                    if (methods.contains(method)) {
                        violations.add(name + " uses " + method);
                    }
                }
            }
        });
        return violations;
    }

    /** The lines that call one of these methods, given as owner.name: as class.method:line, the class without its package. */
    Set<String> linesThatCall(Set<String> methods) {
        Set<String> lines = new TreeSet<>();
        classes.forEach((name, model) -> model.methods().forEach(method -> method.code().ifPresent(code -> {
            int line = 0;
            for (CodeElement element : code) {
                if (element instanceof LineNumber number) {
                    line = number.line();
                } else if (element instanceof InvokeInstruction call
                        && methods.contains(call.owner().asInternalName() + "." + call.name().stringValue())) {
                    lines.add(name.substring(name.lastIndexOf('/') + 1) + "." + method.methodName().stringValue() + ":" + line);
                }
            }
        })));
        return lines;
    }

    /** Constants that hold one of these texts: a class that is named for reflection is used as well. */
    List<String> mentionsOf(Collection<String> texts) {
        List<String> violations = new ArrayList<>();
        classes.forEach((name, model) -> {
            for (PoolEntry entry : model.constantPool()) {
                if (entry instanceof Utf8Entry text) {
                    texts.stream().filter(text.stringValue()::contains)
                            .forEach(found -> violations.add(name + " mentions " + found));
                }
            }
        });
        return violations;
    }

    List<String> packagesWithoutInfo() {
        List<String> violations = new ArrayList<>();
        for (String room : packages()) {
            ClassModel info = classes.get(room.replace('.', '/') + "/package-info");
            if (info == null) {
                violations.add("package " + room + " has no package-info");
            } else if (info.findAttribute(Attributes.runtimeVisibleAnnotations())
                    .stream().flatMap(attribute -> attribute.annotations().stream())
                    .noneMatch(annotation -> annotation.className().equalsString(NULL_MARKED))) {
                violations.add("package " + room + " is not @NullMarked");
            }
        }
        return violations;
    }

    /** The JDK's own list: methods of these packages that it annotates as restricted, as owner.name. */
    static Set<String> restrictedMethods(String... packages) throws IOException {
        Set<String> restricted = new TreeSet<>();
        for (String name : packages) {
            Path folder = FileSystems.getFileSystem(URI.create("jrt:/"))
                    .getPath("/modules/java.base", name.split("/"));
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.filter(path -> path.toString().endsWith(".class")).toList()) {
                    ClassModel model = ClassFile.of().parse(Files.readAllBytes(file));
                    for (MethodModel method : model.methods()) {
                        boolean isRestricted = method.findAttribute(Attributes.runtimeVisibleAnnotations())
                                .stream().flatMap(attribute -> attribute.annotations().stream())
                                .anyMatch(annotation -> annotation.className().equalsString(RESTRICTED));
                        if (isRestricted) {
                            restricted.add(
                                    model.thisClass().asInternalName() + "." + method.methodName().stringValue());
                        }
                    }
                }
            }
        }
        return restricted;
    }

    private boolean isPublic(String name) {
        ClassModel model = classes.get(name);
        if (model == null || !model.flags().has(AccessFlag.PUBLIC)) {
            return false;
        }
        // The flags of a nested class say less than what its outer classes say about it.
        for (InnerClassInfo inner : model.findAttribute(Attributes.innerClasses())
                .map(attribute -> attribute.classes()).orElse(List.of())) {
            if (inner.innerClass().asInternalName().equals(name)) {
                boolean isShown = inner.has(AccessFlag.PUBLIC) || inner.has(AccessFlag.PROTECTED);
                return isShown && inner.outerClass().map(outer -> isPublic(outer.asInternalName())).orElse(false);
            }
        }
        return true;
    }

    /** What a caller sees of a class: supertypes, permitted types, public and protected members, generics included. */
    private static List<String> signaturesOf(ClassModel model) {
        List<String> texts = new ArrayList<>();
        model.superclass().ifPresent(type -> texts.add(type.asInternalName()));
        model.interfaces().forEach(type -> texts.add(type.asInternalName()));
        model.findAttribute(Attributes.signature()).ifPresent(a -> texts.add(a.signature().stringValue()));
        model.findAttribute(Attributes.permittedSubclasses())
                .ifPresent(a -> a.permittedSubclasses().forEach(type -> texts.add(type.asInternalName())));
        for (FieldModel field : model.fields()) {
            if (isShown(field.flags().flags())) {
                texts.add(field.fieldType().stringValue());
                field.findAttribute(Attributes.signature()).ifPresent(a -> texts.add(a.signature().stringValue()));
            }
        }
        for (MethodModel method : model.methods()) {
            if (isShown(method.flags().flags())) {
                texts.add(method.methodType().stringValue());
                method.findAttribute(Attributes.signature()).ifPresent(a -> texts.add(a.signature().stringValue()));
                method.findAttribute(Attributes.exceptions())
                        .ifPresent(a -> a.exceptions().forEach(type -> texts.add(type.asInternalName())));
            }
        }
        return texts;
    }

    private static boolean isShown(Set<AccessFlag> flags) {
        return !flags.contains(AccessFlag.SYNTHETIC)
                && (flags.contains(AccessFlag.PUBLIC) || flags.contains(AccessFlag.PROTECTED));
    }

    private static Set<String> packagesIn(String text) {
        if (!text.contains("io/firn/")) {
            return Collections.emptySet();
        }
        Set<String> packages = new TreeSet<>();
        // A descriptor begins a type with L, which is a letter as well: it is looked for without it.
        Matcher matcher = OUR_TYPE.matcher(text.replace("Lio/firn/", " io/firn/"));
        while (matcher.find()) {
            packages.add(matcher.group(1).replace('/', '.'));
        }
        return packages;
    }

    private static String packageOf(String internalName) {
        int slash = internalName.lastIndexOf('/');
        return slash < 0 ? "" : internalName.substring(0, slash).replace('/', '.');
    }
}
