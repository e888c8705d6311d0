import { portableExp, portableLog } from "../../determinism/elementary.ts";
import type { Draws } from "./draws.ts";

/**
 * A draw from Beta(alpha, alpha), of mean 1/2 and variance 1 / (4 (2 alpha + 1)); the same bits in every engine, as its
 * logarithms and powers are `portableLog` and `portableExp`.
 * @param alpha above 0
 */
export function symmetricBeta(alpha: number, draws: Draws): number {
  return alpha <= 1 ? joehnk(alpha, draws) : ulrich(alpha, draws);
}

/**
 * Joehnk 1964: x = u^(1/alpha), y = v^(1/alpha) until x + y <= 1, then x / (x + y). By logarithms, as for small alpha
 * both powers are below the smallest number. Accepts at least every second pair.
 */
function joehnk(alpha: number, draws: Draws): number {
  for (;;) {
    const logX = portableLog(1 - draws.uniform()) / alpha;
    const logY = portableLog(1 - draws.uniform()) / alpha;
    if (portableExp(logX) + portableExp(logY) <= 1) return 1 / (1 + portableExp(logY - logX));
  }
}

/**
 * Ulrich 1984, after Devroye, Non-Uniform Random Variate Generation (1986), IX.4: a point of the half disc u >= 0,
 * u^2 + v^2 = s <= 1, then 1/2 + (u v / s) sqrt(1 - s^(2 / (2 alpha - 1))). Where Joehnk's method would reject nearly
 * all, for large alpha, this one still takes 4 of 5 points.
 */
function ulrich(alpha: number, draws: Draws): number {
  for (;;) {
    const u = draws.uniform();
    const v = 2 * draws.uniform() - 1;
    const s = u * u + v * v;
    if (s > 1 || s === 0) continue;
    const power = portableExp((2 * portableLog(s)) / (2 * alpha - 1));
    return 0.5 + ((u * v) / s) * Math.sqrt(1 - Math.min(1, power));
  }
}
