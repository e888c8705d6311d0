import type { Rng } from "../../shared/determinism/rng.ts";

/**
 * Teachers' outputs, made up, as the benchmark needs no model: log-probabilities by rank r = 0, 1, ... of a sample,
 *
 *   z_r = -s log(r + q) + 0.3 N(0, 1),
 *
 * with an exponent s drawn for each sample, on classes in an order drawn for each sample: sorted outputs of classifiers
 * and language models fall about as a power of the rank (Zipf). `smoothed` lies on a floor.
 */
export interface TeacherOutputs {
  readonly classes: number;
  readonly name: "peaked" | "long-tailed" | "smoothed";
  /** What it imitates. */
  readonly like: string;
  readonly rows: number;
  readonly exponent: readonly [least: number, most: number];
  /** q, above 0: 1 lets the first rank stand out, more flattens the head. */
  readonly shift: number;
  /** Of all probability, spread over all classes alike up to a factor of exp(0.4 N(0, 1)). */
  readonly floor: number;
}

const plain = { shift: 1, floor: 0 } as const;

/** docs/encodings.md has what these come to: the largest probability, the five largest, the entropy. */
export const teacherOutputs: readonly TeacherOutputs[] = [
  {
    ...plain,
    classes: 10,
    name: "peaked",
    like: "a convolutional network on small images",
    rows: 4000,
    exponent: [3, 6],
  },
  {
    ...plain,
    classes: 10,
    name: "long-tailed",
    like: "the same after one epoch, or of hard samples",
    rows: 4000,
    exponent: [1, 3],
  },
  {
    ...plain,
    classes: 1000,
    name: "peaked",
    like: "an ImageNet classifier on its training images: about 0.8 in the first class",
    rows: 400,
    exponent: [2, 3.8],
  },
  {
    classes: 1000,
    name: "smoothed",
    like: "the same trained with label smoothing 0.1: a tenth of all in classes that are nearly alike",
    rows: 400,
    exponent: [2, 3.8],
    shift: 1,
    floor: 0.1,
  },
  {
    ...plain,
    classes: 1000,
    name: "long-tailed",
    like: "an ImageNet classifier on strongly augmented images: about 0.6 in the first class",
    rows: 400,
    exponent: [1.5, 2.5],
  },
  {
    ...plain,
    classes: 50_257,
    name: "peaked",
    like: "a language model where the next token is nearly known",
    rows: 16,
    exponent: [1.6, 3],
  },
  {
    classes: 50_257,
    name: "long-tailed",
    like: "a language model elsewhere: an entropy of 3 to 5 nats",
    rows: 16,
    exponent: [1.15, 1.6],
    shift: 1.5,
    floor: 0,
  },
];

/** Logits of such a teacher. @returns [rows, classes] */
export function drawOutputs(
  { classes, rows, exponent, shift, floor }: TeacherOutputs,
  rng: Rng,
): Float32Array {
  const logits = new Float32Array(rows * classes);
  const order = Uint32Array.from({ length: classes }, (_, c) => c);
  const [least, most] = exponent;
  for (let row = 0; row < rows; row++) {
    const s = least + (most - least) * rng.uniform();
    rng.shuffle(order);
    const raw = Float64Array.from(
      { length: classes },
      (_, r) => -s * Math.log(r + shift) + 0.3 * rng.normal(),
    );
    const sum = raw.reduce((total, z) => total + Math.exp(z), 0);
    for (let r = 0; r < classes; r++) {
      const at = row * classes + (order[r] as number);
      const z = raw[r] as number;
      const spread = floor === 0 ? 0 : (floor / classes) * Math.exp(0.4 * rng.normal());
      logits[at] = floor === 0 ? z : Math.log(((1 - floor) * Math.exp(z)) / sum + spread);
    }
  }
  return logits;
}
