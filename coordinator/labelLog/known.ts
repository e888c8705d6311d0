import type { z } from "zod";
import type { Bus } from "../../shared/bus/bus.ts";
import type { DataSpec } from "../../shared/config/dataSpec.ts";
import { encodingOf } from "../../shared/config/encodingOf.ts";
import { messageOf } from "../../shared/errors.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { labellingHash } from "../../shared/protocol/identifiers.ts";
import { ImportedTeacher } from "../../shared/protocol/imports.ts";
import { RunRecord, type RunState } from "../../shared/protocol/run.ts";
import type { StoredEncoding } from "../../shared/protocol/storedEncoding.ts";
import { buckets } from "../../shared/protocol/subjects.ts";

/** A run that reads a labelling. */
export interface LabellingUse {
  readonly run: string;
  readonly state: RunState;
}

/** What the records of a server tell of a labelling, of which the log itself has no more than a hash. */
export interface KnownLabelling {
  readonly labelling: string;
  readonly identity: string;
  /** What runs and imports call the teacher. */
  readonly names: Set<string>;
  readonly encoding: StoredEncoding;
  readonly chunkSize: number;
  readonly uses: LabellingUse[];
  /** The file that it was imported from. */
  imported: string | null;
}

/** A shard as the records of data know it. */
export interface KnownShard {
  readonly rows: number;
  /** By the hash of the data that it is a part of, what that is called. */
  readonly data: Map<string, string>;
}

export interface KnownLabels {
  readonly labellings: ReadonlyMap<string, KnownLabelling>;
  readonly shards: ReadonlyMap<string, KnownShard>;
  /** Ids of runs by state. */
  readonly runs: ReadonlyMap<string, RunState>;
  /** Records that cannot be read, as those of another version, in words. */
  readonly unread: readonly string[];
}

/** Reads what runs and imports say of labellings and shards. */
export async function readKnown(bus: Bus): Promise<KnownLabels> {
  const labellings = new Map<string, KnownLabelling>();
  const shards = new Map<string, KnownShard>();
  const runs = new Map<string, RunState>();
  const unread: string[] = [];
  const labellingOf = (
    of: Pick<KnownLabelling, "labelling" | "identity" | "encoding" | "chunkSize">,
    name: string,
  ): KnownLabelling => {
    const { labelling, identity, encoding, chunkSize } = of;
    const known = labellings.get(labelling) ?? {
      ...{ labelling, identity, encoding, chunkSize },
      ...{ names: new Set<string>(), uses: [], imported: null },
    };
    known.names.add(name);
    labellings.set(labelling, known);
    return known;
  };
  const addShards = (data: string, name: string, of: readonly { hash: string; rows: number }[]): void => {
    for (const { hash, rows } of of) {
      const known = shards.get(hash) ?? { rows, data: new Map<string, string>() };
      known.data.set(data, name);
      shards.set(hash, known);
    }
  };

  for await (const record of records(bus, buckets.imports, ImportedTeacher, unread)) {
    labellingOf(record, record.file).imported = record.file;
    if (record.data) addShards(record.data.hash, record.data.name, record.data.shards);
  }
  for await (const record of records(bus, buckets.runs, RunRecord, unread)) {
    const { run, state, teachers } = record;
    runs.set(run, state);
    addShards(record.data.hash, dataName(record.data.spec), record.shards);
    teachers.forEach(({ name }, place) => {
      const of = labellingIn(record, place);
      if (!of) return;
      const { uses } = labellingOf(of, name);
      if (!uses.some((use) => use.run === run)) uses.push({ run, state });
    });
  }
  return { labellings, shards, runs, unread };
}

/**
 * The labelling of a run's teacher: of its record, or, before the teacher is there, of what the spec names by its
 * identity. Those need it too: nobody can compute it again.
 */
function labellingIn({ spec, teachers }: RunRecord, place: number) {
  const { chunkSize } = spec.labels;
  const encoding = encodingOf(spec, place).stored;
  const ready = teachers[place]?.ready;
  if (ready) return { labelling: ready.labelling, identity: ready.identity, encoding, chunkSize };
  const of = spec.teachers[place];
  if (!of || !("labels" in of) || !("identity" in of.labels)) return undefined;
  const { identity } = of.labels;
  return { labelling: labellingHash({ identity, encoding, chunkSize }), identity, encoding, chunkSize };
}

/** Data as a dataset that was opened is called. */
function dataName(spec: DataSpec): string {
  return "dataset" in spec ? spec.dataset : spec.format;
}

async function* records<S extends z.ZodType>(
  bus: Bus,
  bucket: string,
  schema: S,
  unread: string[],
): AsyncGenerator<z.infer<S>> {
  const kv = await bus.kv(bucket);
  for (const key of (await kv.keys(">")).sort()) {
    const entry = await kv.get(key);
    if (!entry) continue;
    try {
      yield decode(schema, entry.value, `record ${key} of ${bucket}`);
    } catch (error) {
      unread.push(messageOf(error));
    }
  }
}
