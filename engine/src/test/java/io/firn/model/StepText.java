package io.firn.model;

import java.lang.reflect.Constructor;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Steps as text and back, and steps with other keys and values. A step is its name and its components in their order,
 * between spaces; writes in a step stand behind bars. Steps stand in lines, or between semicolons.
 *
 * <p>Threads: any.
 */
final class StepText {
    private StepText() {}

    static String of(List<Step> steps) {
        return steps.stream().map(StepText::of).collect(Collectors.joining("; "));
    }

    static String of(Step step) {
        StringBuilder text = new StringBuilder(nameOf(step.getClass()));
        for (Object component : components(step)) {
            if (component instanceof List<?> inner) {
                inner.forEach(each -> text.append(" | ").append(each instanceof Step write ? of(write) : each));
            } else {
                text.append(' ').append(component);
            }
        }
        return text.toString();
    }

    static List<Step> parseAll(String text) {
        return Arrays.stream(text.split("[;\n]")).map(String::strip).filter(line -> !line.isEmpty())
                .map(StepText::parse).toList();
    }

    static Step parse(String line) {
        String[] parts = line.split("\\|");
        String[] words = parts[0].strip().split(" ");
        Class<?> kind = kinds(Step.class).filter(each -> nameOf(each).equals(words[0])).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no step: " + line));
        List<Object> components = new ArrayList<>();
        int word = 1;
        for (RecordComponent component : kind.getRecordComponents()) {
            if (component.getType() == List.class) {
                boolean isOfKeys = component.getGenericType().getTypeName().contains(Key.class.getName());
                components.add(Arrays.stream(parts).skip(1).map(String::strip)
                        .<Object>map(part -> isOfKeys ? Key.parse(part) : parse(part)).toList());
            } else {
                components.add(parsed(component.getType(), words[word++]));
            }
        }
        return made(kind, components);
    }

    /** The same step with other keys and values. */
    static Step mapped(Step step, UnaryOperator<Key> keys, UnaryOperator<Value> values) {
        return made(step.getClass(), components(step).stream().map(each -> mapped(each, keys, values)).toList());
    }

    /** Every key that the step names. */
    static List<Key> keysOf(Step step) {
        List<Key> found = new ArrayList<>();
        mapped(step, key -> {
            found.add(key);
            return key;
        }, value -> value);
        return found;
    }

    private static Object mapped(Object component, UnaryOperator<Key> keys, UnaryOperator<Value> values) {
        return switch (component) {
            case Key key -> keys.apply(key);
            case Value value -> values.apply(value);
            case Range range -> range.mapped(keys);
            case Step step -> mapped(step, keys, values);
            case List<?> inner -> inner.stream().<Object>map(each -> mapped(each, keys, values)).toList();
            default -> component;
        };
    }

    private static Object parsed(Class<?> type, String word) {
        if (type.isEnum()) {
            return Arrays.stream(type.getEnumConstants()).filter(each -> each.toString().equals(word)).findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("no " + type.getSimpleName() + ": " + word));
        }
        return switch (type.getSimpleName()) {
            case "int" -> Integer.parseInt(word);
            case "Key" -> Key.parse(word);
            case "Value" -> Value.parse(word);
            case "Range" -> Range.parse(word);
            default -> word;
        };
    }

    private static Stream<Class<?>> kinds(Class<?> sealed) {
        return Arrays.stream(sealed.getPermittedSubclasses())
                .flatMap(each -> each.isInterface() ? kinds(each) : Stream.of(each));
    }

    private static String nameOf(Class<?> kind) {
        String name = kind.getSimpleName();
        return name.substring(0, 1).toLowerCase(Locale.ROOT) + name.substring(1);
    }

    private static List<Object> components(Step step) {
        List<Object> components = new ArrayList<>();
        try {
            for (RecordComponent component : step.getClass().getRecordComponents()) {
                components.add(component.getAccessor().invoke(step));
            }
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
        return components;
    }

    private static Step made(Class<?> kind, List<Object> components) {
        try {
            Constructor<?> constructor = kind.getDeclaredConstructors()[0];
            return (Step) constructor.newInstance(components.toArray());
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}
