import type * as tf from "@tensorflow/tfjs";
import type { Emitted, Objective, ObjectiveMemory, StudentInside, TargetType } from "./objective.ts";

/** One of several things that a training minimises at once. */
export interface ObjectivePart {
  /** Among the parts; letters and dashes. */
  readonly name: string;
  readonly objective: Objective;
  readonly weight: number;
  /** The weight of a step, counted from 0; absent: it stays. */
  weightAt?(step: number): number;
}

/**
 * The weighted sum of objectives. Each sees what it would see alone; a weight that changes comes in as a target, so that
 * it is not baked into a compiled step. Of the memories at most one says which weights are final.
 */
export function sumOfObjectives(parts: readonly ObjectivePart[]): Objective {
  const [only, ...others] = parts;
  if (only && others.length === 0 && only.weight === 1 && !only.weightAt) return only.objective;
  const taps = [...new Set(parts.flatMap(({ objective }) => objective.taps ?? []))];
  const learnt = parts.flatMap(({ name, objective }) =>
    (objective.learnt ?? []).map((weight) => ({ ...weight, name: inside(name, weight.name) })),
  );
  const emits = Object.fromEntries(
    parts.flatMap(({ name, objective }) =>
      Object.entries(objective.emits ?? {}).map(([own, shape]) => [inside(name, own), shape] as const),
    ),
  );
  const memory = memoryOf(parts);
  return {
    targets: Object.fromEntries(
      parts.flatMap(({ name, objective, weightAt }): [string, TargetType][] => [
        ...Object.entries(objective.targets).map(([own, type]): [string, TargetType] => [
          inside(name, own),
          type,
        ]),
        ...(weightAt
          ? [[weightName(name), { dtype: "float32", shape: [], per: "batch" }] as [string, TargetType]]
          : []),
      ]),
    ),
    ...(taps.length > 0 ? { taps } : {}),
    ...(learnt.length > 0 ? { learnt } : {}),
    ...(Object.keys(emits).length > 0 ? { emits } : {}),
    ...(memory ? { memory } : {}),
    gather: (ids, step) =>
      Object.fromEntries(
        parts.flatMap(({ name, objective, weightAt }) => [
          ...Object.entries(objective.gather(ids, step)).map(
            ([own, values]) => [inside(name, own), values] as const,
          ),
          ...(weightAt ? [[weightName(name), Float32Array.of(weightAt(step))] as const] : []),
        ]),
      ),
    loss: (logits, targets, student) =>
      parts
        .map(({ name, objective, weight, weightAt }) => {
          const value = objective.loss(logits, ownOf(name, targets), insideOf(name, student));
          if (weightAt) return value.mul<tf.Scalar>(targets[weightName(name)] as tf.Scalar);
          return weight === 1 ? value : value.mul<tf.Scalar>(weight);
        })
        .reduce((sum, value) => sum.add<tf.Scalar>(value)),
  };
}

/** A dash, as the name of a weight holds no slash. */
const inside = (part: string, own: string): string => `${part}-${own}`;
const weightName = (part: string): string => `weight-of-${part}`;

/** What carries the name of a part, by its own name. */
function ownOf<T>(part: string, all: Readonly<Record<string, T>>): Record<string, T> {
  const start = inside(part, "");
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) =>
      name.startsWith(start) ? [[name.slice(start.length), value] as const] : [],
    ),
  );
}

function insideOf(part: string, { features, learnt, emit }: StudentInside): StudentInside {
  return {
    features,
    learnt: ownOf(part, learnt),
    emit: (name, tensor) => emit(inside(part, name), tensor),
  };
}

function memoryOf(parts: readonly ObjectivePart[]): ObjectiveMemory | undefined {
  const all = parts.flatMap(({ name, objective: { memory } }) => (memory ? [{ name, memory }] : []));
  if (all.length === 0) return undefined;
  const final = all.find(({ memory }) => memory.final)?.memory;
  return {
    async before(step, batch, student) {
      for (const { memory } of all) await memory.before?.(step, batch, student);
    },
    async after(step, batch, emitted: Emitted, student) {
      for (const { name, memory } of all) await memory.after(step, batch, ownOf(name, emitted), student);
    },
    ...(final?.final ? { final: () => final.final?.() ?? [] } : {}),
    snapshot: () => Object.fromEntries(all.map(({ name, memory }) => [name, memory.snapshot()])),
    restore(snapshot) {
      for (const { name, memory } of all) memory.restore((snapshot as Record<string, unknown>)[name]);
    },
  };
}
