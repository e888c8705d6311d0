import type { TermKind } from "../config/distillSpec.ts";

/** What a term cannot do without, and what it looks at. */
export interface TermNeeds {
  readonly labels: boolean;
  /** The teachers' answers, combined. */
  readonly teachers: boolean;
  /** Compares samples of a batch with each other: its value is no mean over samples. */
  readonly batchWide: boolean;
}

const answers: TermNeeds = { labels: false, teachers: true, batchWide: false };
const inside: TermNeeds = { labels: false, teachers: false, batchWide: false };
const relations: TermNeeds = { labels: false, teachers: false, batchWide: true };

export const termNeeds: { readonly [K in TermKind]: TermNeeds } = {
  "cross-entropy": { labels: true, teachers: false, batchWide: false },
  kl: answers,
  "reverse-kl": answers,
  jsd: answers,
  "logit-mse": answers,
  dkd: { ...answers, labels: true },
  dist: { ...answers, batchWide: true },
  "standardised-kl": answers,
  "teacher-labels": answers,
  // Weights of a batch are divided by their sum.
  "confidence-weighted": { labels: true, teachers: true, batchWide: true },
  "virtual-teacher": { labels: true, teachers: false, batchWide: false },
  fitnets: inside,
  "attention-transfer": inside,
  vid: inside,
  nst: inside,
  rkd: relations,
  "similarity-preserving": relations,
  crd: relations,
  "ps-kd": { ...inside, labels: true },
  "mean-teacher": inside,
  "early-exits": inside,
  peers: inside,
  mse: { labels: true, teachers: false, batchWide: false },
  huber: { labels: true, teachers: false, batchWide: false },
  "value-mse": answers,
  "teacher-bounded": { ...answers, labels: true },
};
