import { rng } from "../../determinism/rng.ts";
import { rowOf, type Shard, shardOf } from "../dataset.ts";
import type { Ids } from "../gather.ts";
import { rowDraws } from "./draws.ts";
import type { ViewedData } from "./stepRule.ts";
import { ruleOf } from "./steps.ts";
import type { View } from "./view.ts";

type Key = readonly [number, number];

/**
 * Changes samples in place as a view asks. What comes out is a function of the sample and the view alone: neither the
 * batch, nor the place of the shard in the dataset, nor the order of the samples enters.
 * @param ids of the samples, as `gatherInputs` took them
 * @param inputs [ids.length, ...inputShape], or [ids.length, length]; may be longer, of which nothing is touched
 * @param length how many numbers of each sample `inputs` holds, for token ids that were cut; absent: all
 * @throws RangeError for an id that the dataset does not have, or inputs that are too short
 */
export function applyView(
  view: View | undefined,
  dataset: ViewedData,
  ids: Ids,
  inputs: Float32Array,
  length?: number,
): void {
  if (view === undefined || view.number === 0) return;
  const width = length ?? dataset.inputShape.reduce((product, size) => product * size, 1);
  if (inputs.length < ids.length * width) {
    throw new RangeError(
      `Cannot change ${ids.length} samples of ${width} numbers as view ${view.number} asks: the batch holds ${inputs.length}`,
    );
  }
  const steps = view.recipe.map((step, place) => ({
    change: ruleOf(step).prepare(step, { dataset, inputs, width }),
    name: nameOf(view, place),
    keys: [] as Key[],
  }));
  const draws = rowDraws();
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    const shard = shardOf(id);
    for (const { change, name, keys } of steps) {
      let key = keys[shard];
      if (key === undefined) {
        key = keyOf(view, name, shardAt(dataset, shard));
        keys[shard] = key;
      }
      draws.start(key, rowOf(id));
      change(i * width, draws);
    }
  }
}

/** The kind of a step and how many of it came before, so that what it draws stays when a step of another kind goes. */
function nameOf({ recipe }: View, place: number): string {
  const kind = recipe[place]?.kind ?? "";
  return `${kind} ${recipe.slice(0, place).filter((step) => step.kind === kind).length}`;
}

function shardAt({ name, shards }: ViewedData, shard: number): Shard {
  const found = shards[shard];
  if (found) return found;
  throw new RangeError(
    `Cannot change a sample of shard ${shard} of "${name}": it has ${shards.length} shards`,
  );
}

// A key is a SHA-256, and every batch asks for those of the shards that it meets.
const known = new Map<string, Key>();
const MAX_KNOWN = 4096;

function keyOf({ seed, number }: View, name: string, { hash }: Shard): Key {
  const place = `${seed} ${number} ${name} ${hash}`;
  const found = known.get(place);
  if (found) return found;
  const { key } = rng(seed, "view", number, name, hash);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(place, key);
  return key;
}
