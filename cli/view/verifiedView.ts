import { boundOf, type LabelErrorsFound } from "../../coordinator/labelLog/labelErrors.ts";
import type { VerifiedLabels } from "../../coordinator/labelLog/verifyLabels.ts";
import { encodingText } from "../../shared/labels/encodingText.ts";
import type { Computer } from "../../shared/protocol/numerics.ts";
import type { StoredEncoding } from "../../shared/protocol/storedEncoding.ts";
import { count, many } from "./numbers.ts";

/** What came out for one teacher. */
export interface VerifiedTeacher {
  readonly name: string;
  readonly labelling: string;
  /** How its logits are stored. */
  readonly encoding: StoredEncoding;
  /** Null where nobody can compute its labels: they came from elsewhere. */
  readonly found: VerifiedLabels | null;
  /** What the first node that served it computed with. */
  readonly labelledBy?: Computer | null;
}

/** absent: the log has none of its labels. unknown: they came from elsewhere. */
export type Verdict = "right" | "wrong" | "absent" | "unknown";

/** @param given the largest difference of a logit beyond the encoding's rounding; absent: `boundOf` */
export function verdictOf(
  { found }: VerifiedTeacher,
  given: number | undefined,
): { verdict: Verdict; bound: number | null } {
  if (!found) return { verdict: "unknown", bound: null };
  if (found.chunks.there === 0) return { verdict: "absent", bound: null };
  const bound = given ?? boundOf(found);
  const right = found.wrong.length === 0 && found.beyondRounding <= bound;
  return { verdict: right ? "right" : "wrong", bound };
}

/** In lines for people. */
export function verifiedLines(of: VerifiedTeacher, given: number | undefined): string[] {
  const { name, labelling, encoding, found, labelledBy } = of;
  const { verdict, bound } = verdictOf(of, given);
  if (!found)
    return [`${name}  cannot be verified: its labels came from elsewhere, and nobody can compute them again`];
  const { checked, there, needed } = found.chunks;
  if (verdict === "absent") {
    return [`${name}  ABSENT: the log has none of its labels, under labelling ${labelling}`];
  }
  const lines = [
    `${name}  ${verdict === "right" ? "right" : "WRONG"}: ${many(found.samples, "sample")} computed again, ${count(checked)} of ${many(there, "chunk")} in the log${there < needed ? `, where the data needs ${count(needed)}` : ""}`,
    ...(found.samples > 0 ? errorLines(found, bound as number, encodingText(encoding)) : []),
    ...found.wrong.slice(0, 3).map((why) => `  wrong      ${why}`),
    ...(found.wrong.length > 3 ? [`  wrong      ${count(found.wrong.length - 3)} more messages`] : []),
  ];
  if (labelledBy) {
    const { backend, version, threads, machine } = labelledBy;
    lines.push(`  labelled   by ${backend} ${version}, ${many(threads, "thread")}, on ${machine}`);
  }
  return lines;
}

function errorLines(found: LabelErrorsFound, bound: number, encoding: string): string[] {
  const { log, rounding, beyondRounding, kl, sameTop } = found;
  const n = (value: number): string => (value === 0 ? "0" : value.toPrecision(3));
  return [
    `  logits     differ by ${n(log.largest)} at most, ${n(log.mean)} in the mean; by ${n(rounding.largest)} and ${n(rounding.mean)} through ${encoding} alone`,
    `  beyond it  ${n(beyondRounding)} at most; the bound is ${n(bound)}`,
    ...kl.map(
      ({ temperature, log: ofLog, rounding: ofRounding }) =>
        `  KL         ${n(ofLog)} nats a sample at temperature ${temperature}; ${n(ofRounding)} through ${encoding} alone`,
    ),
    ...(sameTop === null ? [] : [`  top class  the same for ${(100 * sameTop).toFixed(2)}% of the samples`]),
  ];
}
