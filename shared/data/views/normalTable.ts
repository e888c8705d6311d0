import { portableLog } from "../../determinism/elementary.ts";

/** A power of two: the top bits of half a random word choose an entry. */
export const NORMAL_ENTRIES = 65_536;

let table: Float32Array | undefined;

/**
 * The normal distribution in 65,536 numbers of equal chance: the quantiles at (k + 1/2) / 65536, from -4.3 to 4.3,
 * scaled to variance 1. Noise takes a draw for every number of every sample, which from a table costs half a random
 * word, a tenth of what a method with logarithms does.
 * @returns kept and shared, so not to be written to
 */
export function normalTable(): Float32Array {
  table ??= makeTable();
  return table;
}

function makeTable(): Float32Array {
  const half = NORMAL_ENTRIES / 2;
  const quantiles = Float64Array.from({ length: half }, (_, k) => lowerQuantile((k + 0.5) / NORMAL_ENTRIES));
  const deviation = Math.sqrt(quantiles.reduce((sum, x) => sum + x * x, 0) / half);
  const entries = new Float32Array(NORMAL_ENTRIES);
  quantiles.forEach((x, k) => {
    entries[k] = x / deviation;
    entries[NORMAL_ENTRIES - 1 - k] = -x / deviation;
  });
  return entries;
}

/**
 * The quantile of a standard normal, PPND7 of algorithm AS 241 (Wichura 1988), within 1e-7; with `portableLog`, so that
 * the table has the same bits in every engine.
 * @param p from e^-25 to 1/2
 */
function lowerQuantile(p: number): number {
  const q = p - 0.5;
  if (q >= -0.425) {
    const r = 0.180625 - q * q;
    const over = ((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179;
    const under = ((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1;
    return (q * over) / under;
  }
  const r = Math.sqrt(-portableLog(p)) - 1.6;
  const over = ((0.17023821103 * r + 1.3067284816) * r + 2.75681539) * r + 1.4234372777;
  const under = (0.12021132975 * r + 0.7370016425) * r + 1;
  return -over / under;
}
