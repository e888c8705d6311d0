import { distillationLoss } from "./kd.ts";

/** Every loss on logits that a spec can name. */
export const responseLosses = { kd: distillationLoss } as const;
export type ResponseLoss = keyof typeof responseLosses;
