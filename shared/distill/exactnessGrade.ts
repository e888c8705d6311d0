import type { TermKind } from "../config/distillSpec.ts";
import type { EnsembleSpec } from "../config/ensembleSpec.ts";

/** How what a term is given compares with what its formula asks for. */
export type Exactness =
  | { readonly grade: "exact" }
  | { readonly grade: "approximate"; readonly why: string }
  /** `key` of the loss, the term or the encoding is at fault, or its kind; `instead` is what is expected. */
  | { readonly grade: "refused"; readonly why: string; readonly key?: string; readonly instead: string };

/** Who makes a target: a rule, or one teacher alone, whom no rule changes. */
export type TargetSource = EnsembleSpec["rule"] | "one teacher";

/** What of a term decides. */
export interface TermCase {
  readonly kind: TermKind;
  /** Of `logit-mse`. */
  readonly centred?: boolean | undefined;
  /** Whether its temperature is, or becomes, another than 1. */
  readonly tempered?: boolean | undefined;
  /** Of `jsd`, which at 1 is `reverse-kl`. */
  readonly beta?: number | undefined;
}

export const exact: Exactness = { grade: "exact" };
export const approximate = (why: string): Exactness => ({ grade: "approximate", why });

const order = ["exact", "approximate", "refused"] as const;

/** The worse of two; of two that are alike, the first. */
export function worst(a: Exactness, b: Exactness): Exactness {
  return order.indexOf(b.grade) > order.indexOf(a.grade) ? b : a;
}
