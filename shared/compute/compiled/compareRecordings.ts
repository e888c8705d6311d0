import { StillhouseError } from "../../errors.ts";
import type { RecordedConstant, Recording } from "./record.ts";

/** Something in a step is decided while it is recorded, and would be the same at every step. */
export class BakedIn extends StillhouseError {}

/** Numbers that code may bring along: more of them are data, drawn or read, that belong into an input. */
const LARGEST_CONSTANT = 4096;

/**
 * Checks that what was recorded depends on shapes alone: the same step recorded again has the same kernels and
 * constants, and so has it with another batch, but for constants of one number, which may count its samples.
 * @throws BakedIn
 */
export function checkNothingBakedIn(first: Recording, again: Recording, otherBatch: Recording | null): void {
  for (const { values, shape } of first.constants.values()) {
    if (values.length <= LARGEST_CONSTANT || uniform(values)) continue;
    throw new BakedIn(
      `Cannot compile the step as it brings along ${values.length} numbers of shape [${shape}]: draws come from a MaskSource and data through the objective's targets, as anything else would be the same at every step`,
      { fields: { shape } },
    );
  }
  compare(first, again, "again", () => true);
  if (otherBatch) compare(first, otherBatch, "with another batch", ({ values }) => values.length > 1);
}

function compare(
  a: Recording,
  b: Recording,
  how: string,
  counts: (constant: RecordedConstant) => boolean,
): void {
  const kernels = (recording: Recording): string[] => recording.kernels.map(({ kernel }) => kernel);
  const [ours, theirs] = [kernels(a), kernels(b)];
  const place =
    Math.max(ours.length, theirs.length) > 0 ? ours.findIndex((kernel, i) => kernel !== theirs[i]) : -1;
  if (place >= 0 || ours.length !== theirs.length) {
    throw new BakedIn(
      `Cannot compile the step as it is another one when it is recorded ${how}: kernel ${place} is ${ours[place]}, then ${theirs[place]}`,
      { fields: { place } },
    );
  }
  const others = [...b.constants.values()];
  [...a.constants.values()].forEach((constant, i) => {
    const other = others[i];
    if (!counts(constant) || (other && differs(constant.shape, other.shape) && how !== "again")) return;
    if (other && !differs(constant.values, other.values)) return;
    throw new BakedIn(
      `Cannot compile the step as a constant of shape [${constant.shape}] in it changes when it is recorded ${how}: it is drawn or counted while the step is built, and would be the same at every step`,
      { fields: { shape: constant.shape } },
    );
  });
}

function differs(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return true;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return true;
  return false;
}

function uniform(values: ArrayLike<number>): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}
