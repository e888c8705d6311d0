import type { TermKind } from "../config/distillSpec.ts";

/** What a term cannot do without. */
export const termNeeds: {
  readonly [K in TermKind]: { readonly labels: boolean; readonly teachers: boolean };
} = {
  "cross-entropy": { labels: true, teachers: false },
  kl: { labels: false, teachers: true },
  "reverse-kl": { labels: false, teachers: true },
  jsd: { labels: false, teachers: true },
  "logit-mse": { labels: false, teachers: true },
  dkd: { labels: true, teachers: true },
  dist: { labels: false, teachers: true },
  "standardised-kl": { labels: false, teachers: true },
  "teacher-labels": { labels: false, teachers: true },
  "virtual-teacher": { labels: true, teachers: false },
};
