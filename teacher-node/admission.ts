import { cpus } from "node:os";
import { firstNumerics, noteTolerated } from "../shared/cluster/numerics.ts";
import { UNKNOWN_LOGIT } from "../shared/compute/predictors/ownClasses.ts";
import type { Dataset, Shard } from "../shared/data/dataset.ts";
import { sha256 } from "../shared/determinism/hash.ts";
import { StillhouseError } from "../shared/errors.ts";
import { probeRows } from "../shared/labels/probeRows.ts";
import { rowWidth, sizeOfFeature } from "../shared/labels/rowLayout.ts";
import { bytesOfFloats, floatsOfBytes } from "../shared/model/bytes.ts";
import { type Computer, type Numerics, TOLERATED_SHARE } from "../shared/protocol/numerics.ts";
import type { NodeContext, ServedTeacher } from "./context.ts";

/** A node that answers the probe otherwise than the first node of the labelling did. */
export class NumericsRefused extends StillhouseError {
  /** What the first node computed with. */
  readonly first: Computer;

  constructor(message: string, first: Computer, fields: Record<string, unknown>) {
    super(message, { fields, retry: true });
    this.first = first;
  }
}

type Asking = Pick<NodeContext, "bus" | "compute" | "log" | "node">;
type Candidate = Pick<
  ServedTeacher,
  "name" | "labelling" | "features" | "numerics" | "threads" | "quantised" | "admitted"
>;

/**
 * Answers the probe with the loaded teacher, once for each data, and holds it against the answer of the labelling's
 * first node; the first of all writes it down. The probe is the first rows of chunk 0 of the data's first shard, and the
 * bits must agree: `numerics: tolerant` lets in what is within 1% of the first node's largest logit, and notes it.
 * @throws NumericsRefused
 */
export function admit(context: Asking, teacher: Candidate, dataset: Dataset): Promise<void> {
  const [first] = dataset.shards as [Shard];
  const known = teacher.admitted.get(first.hash);
  if (known) return known;
  const asked = ask(context, teacher, dataset, first);
  teacher.admitted.set(first.hash, asked);
  return asked;
}

async function ask(
  { bus, compute, log, node }: Asking,
  teacher: Candidate,
  dataset: Dataset,
  shard: Shard,
): Promise<void> {
  const { labelling, name, numerics } = teacher;
  const width = rowWidth({ classes: dataset.classes, features: teacher.features });
  // Products have room for a chunk.
  const related = teacher.features.flatMap(({ form, shape }) =>
    form === "gram" ? [shape[0] as number] : [],
  );
  const probed = probeRows(shard, width, related.length > 0 ? Math.min(...related) : undefined);
  const logits = await compute.probe(labelling, dataset.hash, 0, probed);
  const backend = await compute.backend();
  const bytes = bytesOfFloats(logits);
  const own: Numerics = {
    type: "numerics",
    node,
    computer: {
      backend: backend.name,
      version: backend.version,
      threads: teacher.threads,
      machine: machine(),
    },
    shape: [probed.length, width],
    logits: bytes,
    digest: sha256(bytes),
    quantised: teacher.quantised,
    tolerated: [],
  };
  const first = await firstNumerics(bus, labelling, shard.hash, own);
  if (first.digest === own.digest) return;

  const gaps = gapsOf(floatsOfBytes(first.logits), logits, width, [
    { what: "logit", size: dataset.classes },
    ...teacher.features.map((feature) => ({
      what: `number of ${feature.name}`,
      size: sizeOfFeature(feature),
    })),
  ]);
  const { what, difference, largest } = gaps.reduce((a, b) => (shareOf(b) > shareOf(a) ? b : a));
  const seen = `teacher "${name}" answers the probe otherwise here than on ${first.node}, the first node that served it: ${inWords(own.computer)} against ${inWords(first.computer)}; the largest difference of a ${what} is ${difference.toPrecision(3)}, where the largest ${what} is ${largest.toPrecision(3)}`;
  if (numerics === "tolerant" && gaps.every((gap) => gap.difference <= TOLERATED_SHARE * gap.largest)) {
    await noteTolerated(bus, labelling, shard.hash, { computer: own.computer, difference });
    log.warn({ teacher: name, difference }, seen);
    return;
  }
  const fix =
    numerics === "strict"
      ? "serve it with the same backend (--backend) on the same kind of processor, or let the spec say numerics: tolerant"
      : `numerics: tolerant lets pass ${TOLERATED_SHARE} of the largest logit, and of each feature's largest number; serve it with the same backend (--backend)`;
  throw new NumericsRefused(`Cannot serve as ${seen}; ${fix}`, first.computer, {
    teacher: name,
    difference,
    own: own.computer,
    first: first.computer,
  });
}

/** How far a part of the rows, logits or a feature, is from the first node's. */
interface Gap {
  readonly what: string;
  /** Infinite where the lists do not match. */
  readonly difference: number;
  /** Of the first node's. */
  readonly largest: number;
}

/** Of each part by itself: a feature of large numbers excuses no logit. */
function gapsOf(
  first: Float32Array,
  second: Float32Array,
  width: number,
  parts: readonly { readonly what: string; readonly size: number }[],
): Gap[] {
  let start = 0;
  return parts.map(({ what, size }) => {
    const from = start;
    start += size;
    if (first.length !== second.length) return { what, difference: Number.POSITIVE_INFINITY, largest: 0 };
    let [difference, largest] = [0, 0];
    first.forEach((x, i) => {
      if (i % width < from || i % width >= from + size) return;
      const y = second[i] as number;
      // A NaN is no number that could be close to another.
      const apart = Number.isNaN(x - y) ? Number.POSITIVE_INFINITY : Math.abs(x - y);
      difference = Math.max(difference, apart);
      // A class that the teacher does not know says nothing of how large its logits are.
      if (x !== UNKNOWN_LOGIT) largest = Math.max(largest, Math.abs(x));
    });
    return { what, difference, largest };
  });
}

function shareOf({ difference, largest }: Gap): number {
  return difference === 0 ? 0 : difference / largest;
}

function machine(): string {
  return `${process.platform} ${process.arch}, ${cpus()[0]?.model.trim() || "unknown processor"}`;
}

function inWords({ backend, version, threads, machine: where }: Computer): string {
  return `${backend} ${version}, ${threads} ${threads === 1 ? "thread" : "threads"}, on ${where}`;
}
