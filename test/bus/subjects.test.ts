import { describe, expect, it } from "vitest";
import { covers, matcher, matches, overlap } from "../../shared/bus/subjects.ts";

describe("matches()", () => {
  it.each([
    ["a.b.c", "a.b.c", true],
    ["a.b.c", "a.b", false],
    ["a.b", "a.b.c", false],
    ["a.*.c", "a.b.c", true],
    ["a.*.c", "a.b.d", false],
    ["a.*", "a.b.c", false],
    ["*", "a", true],
    ["*", "a.b", false],
    [">", "a", true],
    [">", "a.b.c", true],
    ["a.>", "a.b", true],
    ["a.>", "a.b.c", true],
    ["a.>", "a", false],
    ["a.>", "b.c", false],
    ["*.>", "a.b", true],
    ["*.>", "a", false],
    ["a.*.>", "a.b", false],
    ["ab.c", "a.c", false],
    ["a.>", "ab.c", false],
    ["a.b.*", "a.bc.d", false],
  ])("of filter %s and subject %s is %s, for one subject as for many", (filter, subject, expected) => {
    expect(matches(filter, subject)).toBe(expected);
    expect(matcher(filter)(subject)).toBe(expected);
  });
});

describe("covers()", () => {
  it.each([
    [">", "a.>", true],
    ["a.>", "a.*", true],
    ["a.>", "a.b.>", true],
    ["a.>", ">", false],
    ["a.*", "a.>", false],
    ["a.*.c", "a.b.*", false],
    ["*.*", "a.*", true],
    ["a.b", "a.*", false],
  ])("of %s and %s is %s", (outer, inner, expected) => {
    expect(covers(outer, inner)).toBe(expected);
  });
});

describe("overlap()", () => {
  it.each([
    ["a.*", "*.b", true],
    ["a.>", "a.b.c", true],
    ["a.>", "a", false],
    ["a.>", "*.*", true],
    ["a.*", "b.*", false],
    ["a.*", "a.*.c", false],
    ["a.b", "a.b", true],
    [">", "x", true],
  ])("of %s and %s is %s, either way round", (left, right, expected) => {
    expect(overlap(left, right)).toBe(expected);
    expect(overlap(right, left)).toBe(expected);
  });
});
