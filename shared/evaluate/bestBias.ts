/** What is added to the bias of a class, and what it gives. */
export interface AddedBias {
  /** 0 or more. */
  readonly added: number;
  /** Share of right predictions with it. */
  readonly accuracy: number;
}

/**
 * How much a class's logit must be raised for the most right predictions; exact, as the accuracy changes only where a
 * sample begins to be taken for the class. Sample i does when the added number exceeds its gap, the largest other logit
 * less its own of the class. Between gaps the middle is taken, so that rounding decides nothing.
 * @param logits [labels.length, classes], row-major
 * @param labels true classes; samples without one (-1) do not count
 * @returns the smallest such number among equals, and 0 where nothing is gained
 */
export function bestBias(logits: Float32Array, labels: Int32Array, classes: number, of: number): AddedBias {
  const samples = Array.from(labels, (label, i) => ({
    label,
    ...gapOf(logits.subarray(i * classes, (i + 1) * classes), of),
  })).filter(({ label }) => label >= 0);
  // What a sample adds to the number of right predictions when it goes over to the class.
  const goers = samples
    .filter(({ taken }) => !taken)
    .map(({ gap, label, other }) => ({ gap, gain: Number(label === of) - Number(label === other) }))
    .sort((a, b) => a.gap - b.gap);
  const right = samples.filter(({ taken, label, other }) => label === (taken ? of : other)).length;
  let best = { added: 0, right };
  let now = right;
  goers.forEach(({ gap, gain }, i) => {
    now += gain;
    const next = goers[i + 1]?.gap;
    // Those with equal gaps go together.
    if (next === gap || now <= best.right) return;
    best = { added: next === undefined ? gap + 1 : (gap + next) / 2, right: now };
  });
  return { added: best.added, accuracy: best.right / samples.length };
}

/**
 * How far a row's logit of a class is below the largest other, which class that is, and whether the row is taken for the
 * class as it is; the lowest class wins among equals.
 */
function gapOf(row: Float32Array, of: number): { gap: number; other: number; taken: boolean } {
  let other = of === 0 ? 1 : 0;
  for (let k = 0; k < row.length; k++) {
    if (k !== of && (row[k] as number) > (row[other] as number)) other = k;
  }
  const gap = (row[other] as number) - (row[of] as number);
  return { gap, other, taken: gap < 0 || (gap === 0 && of < other) };
}
