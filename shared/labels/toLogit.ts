import type { ModelMapping } from "../config/modelFileSpec.ts";

/** What makes a logit of a number of that kind, with no probability below the floor, nor above 1 less the floor. */
export function toLogit(output: ModelMapping["output"], floor: number): (value: number) => number {
  const log = (value: number): number => Math.log(Math.max(value, floor));
  switch (output) {
    case "logits":
    case "values":
      return (value) => value;
    case "probabilities":
      return log;
    case "sigmoids":
      return (value) => log(value) - log(1 - value);
  }
}
