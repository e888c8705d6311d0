import { UNKNOWN_LOGIT } from "../../shared/compute/predictors/ownClasses.ts";
import { meanKl } from "../../shared/evaluate/divergence.ts";
import { logSoftmax, topClasses } from "../../shared/evaluate/softmax.ts";
import { TOLERATED_SHARE } from "../../shared/protocol/numerics.ts";

/** Absolute differences between logits. */
export interface Differences {
  readonly largest: number;
  readonly mean: number;
}

export interface LabelErrorsFound {
  readonly samples: number;
  /** Of the log from what is computed now. */
  readonly log: Differences;
  /** Of what is computed now from itself, encoded and decoded: what the encoding costs alone. */
  readonly rounding: Differences;
  /** The largest difference of the log from what is computed now, encoded and decoded: what no encoding explains. */
  readonly beyondRounding: number;
  /** The largest absolute logit that is computed now. */
  readonly largestLogit: number;
  /** Mean KL(log || computed now) in nats a sample, by temperature; of classification alone. */
  readonly kl: readonly { readonly temperature: number; readonly log: number; readonly rounding: number }[];
  /** Share of samples whose largest logit is of the same class; null without temperatures. */
  readonly sameTop: number | null;
}

/** Adds up how far labels of the log are from what their teacher says now. */
export class LabelErrors {
  readonly #classes: number;
  readonly #kl: { readonly temperature: number; log: number; rounding: number }[];
  #samples = 0;
  #logits = 0;
  #log = { largest: 0, sum: 0 };
  #rounding = { largest: 0, sum: 0 };
  #beyond = 0;
  #largestLogit = 0;
  #same = 0;

  /** @param temperatures of the divergences; none where softmaxes mean nothing */
  constructor(classes: number, temperatures: readonly number[]) {
    this.#classes = classes;
    this.#kl = temperatures.map((temperature) => ({ temperature, log: 0, rounding: 0 }));
  }

  /**
   * @param logged as they stand in the log, [rows, classes]
   * @param computed by the teacher now, [rows, classes]
   * @param rounded those, encoded and decoded, [rows, classes]
   * @param at what is decoded of both at a temperature, where that depends on it
   */
  add(
    logged: Float32Array,
    computed: Float32Array,
    rounded: Float32Array,
    at: (temperature: number) => { logged: Float32Array; rounded: Float32Array } = () => ({
      logged,
      rounded,
    }),
  ): void {
    const classes = this.#classes;
    const rows = computed.length / classes;
    for (let i = 0; i < computed.length; i++) {
      const [was, is, encoded] = [logged[i] as number, computed[i] as number, rounded[i] as number];
      widen(this.#log, Math.abs(was - is));
      widen(this.#rounding, Math.abs(encoded - is));
      this.#beyond = Math.max(this.#beyond, Math.abs(was - encoded));
      // A class that the teacher does not know says nothing of how large its logits are.
      if (is !== UNKNOWN_LOGIT) this.#largestLogit = Math.max(this.#largestLogit, Math.abs(is));
    }
    this.#samples += rows;
    this.#logits += computed.length;
    for (const kl of this.#kl) {
      const softened = (logits: Float32Array) =>
        logSoftmax(
          logits.map((logit) => logit / kl.temperature),
          classes,
        );
      const reference = softened(computed);
      const read = at(kl.temperature);
      kl.log += rows * meanKl(softened(read.logged), reference, classes);
      kl.rounding += rows * meanKl(softened(read.rounded), reference, classes);
    }
    const [before, now] = [topClasses(logged, classes), topClasses(computed, classes)];
    before.forEach((top, row) => {
      if (top === now[row]) this.#same++;
    });
  }

  found(): LabelErrorsFound {
    const of = ({ largest, sum }: { largest: number; sum: number }): Differences => ({
      largest,
      mean: this.#logits === 0 ? 0 : sum / this.#logits,
    });
    const perSample = (sum: number): number => (this.#samples === 0 ? 0 : sum / this.#samples);
    return {
      samples: this.#samples,
      log: of(this.#log),
      rounding: of(this.#rounding),
      beyondRounding: this.#beyond,
      largestLogit: this.#largestLogit,
      kl: this.#kl.map(({ temperature, log, rounding }) => ({
        temperature,
        log: perSample(log),
        rounding: perSample(rounding),
      })),
      sameTop: this.#kl.length === 0 ? null : perSample(this.#same),
    };
  }
}

/**
 * How far a logit of the log may be from what is computed now, encoded and decoded: what `numerics: tolerant` lets pass
 * before it is encoded, and what encoding two such numbers can set apart, but no more than as much again.
 */
export function boundOf({ largestLogit, rounding }: LabelErrorsFound): number {
  const tolerated = TOLERATED_SHARE * largestLogit;
  return tolerated + Math.min(2 * rounding.largest, tolerated);
}

function widen(difference: { largest: number; sum: number }, by: number): void {
  difference.largest = Math.max(difference.largest, by);
  difference.sum += by;
}
