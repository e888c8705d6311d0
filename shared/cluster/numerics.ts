import type { Bus } from "../bus/bus.ts";
import { RevisionConflict } from "../bus/errors.ts";
import { decode, encode } from "../protocol/codec.ts";
import { Numerics } from "../protocol/numerics.ts";
import { buckets, numericsKeys } from "../protocol/subjects.ts";

/** Writes what this node said of a probe, or finds what the first one said. */
export async function firstNumerics(
  bus: Bus,
  labelling: string,
  shard: string,
  own: Numerics,
): Promise<Numerics> {
  const kv = await bus.kv(buckets.numerics);
  const key = numericsKeys.of(labelling, shard);
  try {
    await kv.create(key, encode(Numerics, own));
    return own;
  } catch (error) {
    if (!(error instanceof RevisionConflict)) throw error;
  }
  const entry = await kv.get(key);
  // Forgotten between the two looks: whoever asks next is the first.
  if (!entry) return firstNumerics(bus, labelling, shard, own);
  return decode(Numerics, entry.value, `numerics ${key}`);
}

/** Notes one more that was let in although it answers otherwise; the same computer is noted once. */
export async function noteTolerated(
  bus: Bus,
  labelling: string,
  shard: string,
  guest: Numerics["tolerated"][number],
): Promise<void> {
  const kv = await bus.kv(buckets.numerics);
  const key = numericsKeys.of(labelling, shard);
  for (;;) {
    const entry = await kv.get(key);
    if (!entry) return;
    const known = decode(Numerics, entry.value, `numerics ${key}`);
    const isSame = ({ computer, difference }: typeof guest): boolean =>
      difference === guest.difference && JSON.stringify(computer) === JSON.stringify(guest.computer);
    if (known.tolerated.some(isSame)) return;
    const next: Numerics = { ...known, tolerated: [...known.tolerated, guest] };
    try {
      await kv.update(key, encode(Numerics, next), entry.revision);
      return;
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
    }
  }
}

/** What is known of the nodes that served a labelling, one record a shard that was probed. */
export async function readNumerics(bus: Bus, labelling: string): Promise<Numerics[]> {
  const kv = await bus.kv(buckets.numerics);
  const entries = await Promise.all(
    (await kv.keys(numericsKeys.all(labelling))).sort().map((key) => kv.get(key)),
  );
  return entries.flatMap((entry) => (entry ? [decode(Numerics, entry.value, `numerics ${entry.key}`)] : []));
}

/** What the first node of a labelling said of the probe of one shard; undefined: nobody was asked. */
export async function readNumericsOf(
  bus: Bus,
  labelling: string,
  shard: string,
): Promise<Numerics | undefined> {
  const key = numericsKeys.of(labelling, shard);
  const entry = await (await bus.kv(buckets.numerics)).get(key);
  return entry && decode(Numerics, entry.value, `numerics ${key}`);
}
