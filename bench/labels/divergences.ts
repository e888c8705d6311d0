import { bytesPerRow, decodeRow, decodeStored } from "../../shared/labels/encoding.ts";
import type { EncodingCase } from "./encodingCases.ts";

export const TEMPERATURES = [1, 2, 4] as const;

/**
 * What is compared: dense with decoded; the other way about, where decoded labels have classes without probability and
 * the first would be infinite; or the listed classes and all others as one.
 */
export type Compared = "dense || decoded" | "decoded || dense" | "k + 1 outcomes";

export function comparedBy({ encoding, tail }: EncodingCase): Compared {
  if (typeof encoding === "string") return "dense || decoded";
  if (encoding.kind === "sampled" || tail === "renormalised") return "decoded || dense";
  return tail === "ghost" ? "k + 1 outcomes" : "dense || decoded";
}

/** Mean divergence over rows, in nats, at each of TEMPERATURES; temperatures that are not stored by a uniform tail. */
export function divergences(
  one: EncodingCase,
  logits: Float32Array,
  classes: number,
  bytes: Uint8Array,
): number[] {
  const { encoding, tail } = one;
  const compared = comparedBy(one);
  const rows = logits.length / classes;
  const decoded = new Float32Array(classes);
  const stored = new Float32Array(classes);
  return TEMPERATURES.map((temperature) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      const from = row * bytesPerRow(encoding, classes);
      const reading = { temperature, tail, undeclared: "uniform" } as const;
      decodeRow(encoding, bytes, from, classes, decoded, 0, reading);
      let p = logSoftmax(logits.subarray(row * classes, (row + 1) * classes), temperature);
      let q = logSoftmax(decoded, temperature);
      if (compared === "k + 1 outcomes") {
        decodeStored(encoding, bytes, from, classes, stored, 0);
        [p, q] = [joined(p, stored), joined(q, stored)];
      }
      sum += compared === "decoded || dense" ? kl(q, p) : kl(p, q);
    }
    return sum / rows;
  });
}

/** Log-probabilities in float64. */
function logSoftmax(logits: Float32Array, temperature: number): Float64Array {
  const max = logits.reduce((most, z) => Math.max(most, z), Number.NEGATIVE_INFINITY);
  const scaled = Float64Array.from(logits, (z) => (z - max) / temperature);
  const log = Math.log(scaled.reduce((sum, z) => sum + Math.exp(z), 0));
  return scaled.map((z) => z - log);
}

/** The classes that are stored, and the others as one. */
function joined(logP: Float64Array, stored: Float32Array): Float64Array {
  const listed = logP.filter((_, c) => stored[c] === 1);
  const rest = logP.reduce((sum, lp, c) => (stored[c] === 1 ? sum : sum + Math.exp(lp)), 0);
  return rest > 0 ? Float64Array.from([...listed, Math.log(rest)]) : listed;
}

function kl(logP: Float64Array, logQ: Float64Array): number {
  return logP.reduce((sum, lp, c) => {
    const p = Math.exp(lp);
    return p > 0 ? sum + p * (lp - (logQ[c] as number)) : sum;
  }, 0);
}
