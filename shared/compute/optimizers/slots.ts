import { type NamedState, OptimizerStateMismatch, type Trained } from "./optimizer.ts";

/** Arrays beside the parameters, one set a slot (`momentum`, `m`, `v`), zero at first. */
export class Slots {
  private readonly names: readonly string[];
  /** For each slot, one array a parameter. */
  readonly arrays: readonly (readonly Float32Array[])[];

  constructor(names: readonly string[], { arena, parameters }: Trained) {
    this.names = names;
    this.arrays = names.map(() => parameters.map(({ length }) => arena.floats(length)));
  }

  byName(): Record<string, readonly Float32Array[]> {
    return Object.fromEntries(this.names.map((name, s) => [name, this.arrays[s] as readonly Float32Array[]]));
  }

  /** Copies, by names like `momentum/0`. */
  state(): NamedState {
    return Object.fromEntries(this.named().map(([name, array]) => [name, array.slice()]));
  }

  /**
   * Takes over a state's arrays. A state without any is one from before the first step.
   * @throws OptimizerStateMismatch; then nothing was changed
   */
  restore(state: NamedState): void {
    const given = Object.keys(state).filter((name) => typeof state[name] !== "number");
    const own = this.named();
    if (given.length === 0) {
      for (const [, array] of own) array.fill(0);
      return;
    }
    const foreign = given.find((name) => !this.names.includes(name.split("/")[0] ?? ""));
    if (foreign !== undefined) {
      throw new OptimizerStateMismatch(
        `Cannot restore an optimiser that keeps [${this.names}] from "${foreign}": the state is of another optimiser`,
      );
    }
    const missing = own.find(([name, { length }]) => lengthOf(state[name]) !== length);
    if (missing !== undefined || given.length !== own.length) {
      const sizes = own.map(([name, { length }]) => `${name}: ${length}`);
      const found = given.map((name) => `${name}: ${lengthOf(state[name])}`);
      throw new OptimizerStateMismatch(
        `Cannot restore arrays of sizes [${sizes.join(", ")}] from [${found.join(", ")}]: the state is of another model`,
      );
    }
    for (const [name, array] of own) array.set(state[name] as Float32Array);
  }

  private named(): (readonly [string, Float32Array])[] {
    return this.arrays.flatMap((slot, s) =>
      slot.map((array, i) => [`${this.names[s]}/${i}`, array] as const),
    );
  }
}

function lengthOf(value: Float32Array | number | undefined): number | null {
  return value instanceof Float32Array ? value.length : null;
}
