import { expect, it } from "vitest";
import { fuzzDecoders } from "../helpers/fuzzDecoders.ts";

it("a million byte strings are taken or refused by the decoders of labels by typed errors, in bounded memory", () => {
  const { taken, refused, grownBytes } = fuzzDecoders(1_000_000, "long");
  expect(taken + refused).toBe(1_000_000);
  expect(grownBytes).toBeLessThan(256 * 2 ** 20);
});
