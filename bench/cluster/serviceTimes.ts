import { type Rng, rng } from "../../shared/determinism/rng.ts";

/** How long a simulated teacher takes for a whole chunk. */
export interface ServiceTime {
  readonly kind: "fixed" | "exponential" | "lognormal";
  /** 0: it answers at once. */
  readonly meanMs: number;
  /** Standard deviation over mean, of `lognormal`. */
  readonly variation: number;
}

export const serviceKinds = ["fixed", "exponential", "lognormal"] as const;

/**
 * Service times of one node, each drawn by itself from a stream of the node's own, in milliseconds.
 *
 * A lognormal exp(mu + sigma z) has the mean exp(mu + sigma^2 / 2) and the squared variation exp(sigma^2) - 1.
 */
export function serviceTimes({ kind, meanMs, variation }: ServiceTime, node: string): () => number {
  const stream: Rng = rng("bench", "service time", node);
  switch (kind) {
    case "fixed":
      return () => meanMs;
    case "exponential":
      return () => -meanMs * Math.log(1 - stream.uniform());
    case "lognormal": {
      const variance = Math.log(1 + variation ** 2);
      return () => meanMs * Math.exp(Math.sqrt(variance) * stream.normal() - variance / 2);
    }
  }
}
