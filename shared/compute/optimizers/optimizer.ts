import { StillhouseError } from "../../errors.ts";

/** What an optimiser remembers between steps: its step count, and one array a parameter and slot. */
export type NamedState = Record<string, Float32Array | number>;

/** Changes parameters in place. It sees the same parameters, in the same order, at every step. */
export interface Optimizer {
  /** One step; `gradients` are left as they are. */
  step(parameters: Float32Array[], gradients: Float32Array[], learningRate: number): void;
  /** A copy. */
  state(): NamedState;
  /** Goes on from a state of the same optimiser; copies it. */
  restore(state: NamedState): void;
}

export class OptimizerStateMismatch extends StillhouseError {}

/** Arrays beside the parameters, one set a slot (`momentum`, `m`, `v`), zero until their first use. */
export class Slots {
  private readonly names: readonly string[];
  private arrays: Float32Array[][] | null = null;

  constructor(...names: string[]) {
    this.names = names;
  }

  /** For each slot, one array a parameter. */
  beside(parameters: readonly Float32Array[]): Float32Array[][] {
    this.arrays ??= this.names.map(() => parameters.map((p) => new Float32Array(p.length)));
    this.arrays.forEach((slot, s) => {
      if (
        slot.length !== parameters.length ||
        slot.some((array, i) => array.length !== parameters[i]?.length)
      ) {
        throw new OptimizerStateMismatch(
          `Cannot step ${parameters.length} parameters of sizes [${parameters.map((p) => p.length)}] with "${this.names[s]}" of sizes [${slot.map((a) => a.length)}]: the state is of another model`,
        );
      }
    });
    return this.arrays;
  }

  /** Copies, by names like `momentum/0`; none before the first step. */
  state(): NamedState {
    const entries = (this.arrays ?? []).flatMap((slot, s) =>
      slot.map((array, i) => [`${this.names[s]}/${i}`, array.slice()] as const),
    );
    return Object.fromEntries(entries);
  }

  restore(state: NamedState): void {
    const arrays = this.names.map((name) => {
      const slot: Float32Array[] = [];
      for (let i = 0; `${name}/${i}` in state; i++) {
        const array = state[`${name}/${i}`];
        if (!(array instanceof Float32Array)) {
          throw new OptimizerStateMismatch(
            `Cannot restore "${name}/${i}": it is ${typeof array}, not numbers`,
          );
        }
        slot.push(array.slice());
      }
      return slot;
    });
    const held = Object.values(state).filter((value) => typeof value !== "number").length;
    if (held !== arrays.flat().length || arrays.some((slot) => slot.length !== arrays[0]?.length)) {
      throw new OptimizerStateMismatch(
        `Cannot restore an optimiser that keeps [${this.names}] from the state [${Object.keys(state)}]: it is of another optimiser`,
      );
    }
    this.arrays = held === 0 ? null : arrays;
  }
}
