import { meanKl } from "./divergence.ts";
import type { LogitAgreement } from "./reportSchema.ts";
import { checkSameLength } from "./rows.ts";
import { logSoftmax, topClasses } from "./softmax.ts";

/**
 * @param reference logits of the model that is stood for, [rows, classes]
 * @param logits of the one that stands for it, [rows, classes]
 */
export function logitAgreement(
  reference: Float32Array,
  logits: Float32Array,
  classes: number,
): LogitAgreement {
  checkSameLength(reference, logits, "two models' logits");
  const [wanted, seen] = [topClasses(reference, classes), topClasses(logits, classes)];
  const differences = reference.map((value, i) => Math.abs(value - (logits[i] as number)));
  return {
    samples: wanted.length,
    sameAnswer: wanted.filter((answer, i) => answer === seen[i]).length / wanted.length,
    meanKl: meanKl(logSoftmax(reference, classes), logSoftmax(logits, classes), classes),
    largestDifference: differences.reduce((a, b) => Math.max(a, b), 0),
  };
}

/** In one line, for people. */
export function agreementText({ samples, sameAnswer, meanKl, largestDifference }: LogitAgreement): string {
  return `the same answer as in floats on ${(100 * sameAnswer).toFixed(2)}% of ${samples.toLocaleString("en")} samples, mean KL ${meanKl.toExponential(1)} nats, largest difference of a logit ${largestDifference.toPrecision(2)}`;
}
