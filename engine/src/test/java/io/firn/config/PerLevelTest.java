package io.firn.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

final class PerLevelTest {
    @Test
    void theLastValueRepeats() {
        PerLevel<Integer> values = PerLevel.of(3, 1, 2);
        assertEquals(3, values.at(0));
        assertEquals(1, values.at(1));
        assertEquals(2, values.at(2));
        assertEquals(2, values.at(6));
        assertEquals("same", PerLevel.all("same").at(6));
    }

    @Test
    void thereAre1To255Values() {
        assertThrows(IllegalArgumentException.class, PerLevel::of);
        assertEquals(9, new PerLevel<>(numbers(255)).at(254) - 245);
        assertThrows(IllegalArgumentException.class, () -> new PerLevel<>(numbers(256)));
        assertThrows(IllegalArgumentException.class, () -> new PerLevel<>(Collections.nCopies(256, 1)));
    }

    @Test
    void equalIsWhatSaysTheSameForEveryLevel() {
        assertEquals(PerLevel.all(1), PerLevel.of(1, 1, 1));
        assertEquals(PerLevel.of(2, 1), PerLevel.of(2, 1, 1));
        assertEquals(PerLevel.of(2, 1).hashCode(), PerLevel.of(2, 1, 1).hashCode());
        assertNotEquals(PerLevel.of(1, 1, 2), PerLevel.of(1, 2));
        assertEquals("[2, 1]", PerLevel.of(2, 1, 1).toString());
    }

    @Test
    void theValuesCannotBeChanged() {
        List<Integer> mutable = numbers(3);
        PerLevel<Integer> values = new PerLevel<>(mutable);
        mutable.set(0, 7);
        assertEquals(PerLevel.of(0, 1, 2), values);
        assertThrows(UnsupportedOperationException.class, () -> values.values().set(0, 7));
    }

    private static List<Integer> numbers(int count) {
        List<Integer> numbers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            numbers.add(i);
        }
        return numbers;
    }
}
