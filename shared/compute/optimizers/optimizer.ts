import { StillhouseError } from "../../errors.ts";
import type { Arena } from "../simd/arena.ts";

/** What an optimiser remembers between steps: its step count, and one array a parameter and slot. */
export type NamedState = Record<string, Float32Array | number>;

/** The arrays that an optimiser works on, all of one arena; `gradients[i]` belongs to `parameters[i]`. */
export interface Trained {
  arena: Arena;
  parameters: readonly Float32Array[];
  gradients: readonly Float32Array[];
}

/** Changes parameters in place. */
export interface Optimizer {
  /**
   * One step along the gradients, which are left as they are.
   * @param clipNorm L2 norm of all gradients together to which they are scaled where they exceed it
   */
  step(learningRate: number, clipNorm?: number): void;
  /** The arrays that it keeps beside each parameter, by name; live, and of the arena. */
  readonly slots: Readonly<Record<string, readonly Float32Array[]>>;
  /** Another one did a step on the same arrays: what counts steps goes on. */
  countStep(): void;
  /** A copy. */
  state(): NamedState;
  /**
   * Goes on from a state of the same optimiser; copies it.
   * @throws OptimizerStateMismatch; then nothing was changed
   */
  restore(state: NamedState): void;
}

export class OptimizerStateMismatch extends StillhouseError {}
export class GradientsMismatch extends StillhouseError {}

/** @throws GradientsMismatch when the gradients are not as many, or as long, as the parameters */
export function checkGradients({ parameters, gradients }: Trained): void {
  const sizes = (arrays: readonly Float32Array[]): string => `[${arrays.map((array) => array.length)}]`;
  if (sizes(parameters) === sizes(gradients)) return;
  throw new GradientsMismatch(
    `Cannot train parameters of sizes ${sizes(parameters)} with gradients of sizes ${sizes(gradients)}: give one gradient a parameter`,
  );
}
