import { arithmetic } from "./arithmetic.ts";
import type { EnsembleRule } from "./ensemble.ts";
import { geometric } from "./geometric.ts";

/** Every way of combining teachers that a spec can name. */
export const ensembleRules = { arithmetic, geometric } as const satisfies Record<string, EnsembleRule>;
export type EnsembleRuleName = keyof typeof ensembleRules;
