import { StillhouseError } from "../errors.ts";

/** Every subject starts with this, so that a server may be shared with other applications. */
const ROOT = "stillhouse";

/** Chunks a block, by which people can list a part of a log of millions of subjects. */
const BLOCK_CHUNKS = 1024;

export const streams = {
  work: { name: "STILLHOUSE_WORK", filter: `${ROOT}.work.>` },
  labels: { name: "STILLHOUSE_LABELS", filter: `${ROOT}.labels.>` },
} as const;

export const buckets = {
  /** One record a run. */
  runs: "stillhouse-runs",
  /** Recipe -> trained teacher. */
  recipes: "stillhouse-recipes",
  /** Labels that were made elsewhere: identity and labelling -> what is known of them. */
  imports: "stillhouse-imports",
  /** Results of jobs and evaluations, checkpoint pointers, counters; keys start with the run. */
  jobs: "stillhouse-jobs",
  /** What the first node with a labelling said of the probe; keys are labelling.shard. */
  numerics: "stillhouse-numerics",
  /** Of runs with a quorum: whose labels of a chunk are used. */
  decisions: "stillhouse-decisions",
  /** Tries at work items. */
  attempts: "stillhouse-attempts",
  /** Work that no node came to the end of. */
  quarantine: "stillhouse-quarantine",
  /** What went wrong for good. */
  faults: "stillhouse-faults",
  /** What people tell runs and nodes. */
  orders: "stillhouse-orders",
  heartbeats: "stillhouse-heartbeats",
  leases: "stillhouse-leases",
  weights: "stillhouse-weights",
  checkpoints: "stillhouse-checkpoints",
  /** What students of a run show each other. */
  peers: "stillhouse-peers",
  /** Evaluations, which grow with the test split. */
  evaluations: "stillhouse-evaluations",
} as const;

/** Orders are obeyed in seconds, and then of no use. */
export const ORDER_TTL_MS = 600_000;

/** All tries at a work item lie within minutes, or a training's within days. */
export const ATTEMPT_TTL_MS = 7 * 24 * 3600 * 1000;

/** A heartbeat or a lease not renewed for this long is gone. */
export const PRESENCE_TTL_MS = 3_000;
export const PRESENCE_RENEW_MS = 1_000;

export interface ChunkKey {
  readonly labelling: string;
  readonly shard: string;
  readonly view: string;
  readonly chunk: number;
}

/** Work on one chunk (`...VIEW.17`), or on so many from it on (`...VIEW.16-23`). */
export function labelWorkSubject({ labelling, shard, view, chunk }: ChunkKey, count = 1): string {
  const chunks = count === 1 ? `${chunk}` : `${chunk}-${chunk + count - 1}`;
  return `${ROOT}.work.label.${labelling}.${shard}.${view}.${chunks}`;
}
/** The chunks that a subject of work asks for; undefined where it asks for something else. */
export function parseLabelWork(subject: string): (ChunkKey & { count: number }) | undefined {
  const [, , kind, labelling, shard, view, chunks, ...rest] = subject.split(".");
  if (kind !== "label" || !labelling || !shard || !view || !chunks || rest.length > 0) return undefined;
  const [first = Number.NaN, last = first] = chunks.split("-").map(Number);
  const work = { labelling, shard, view, chunk: first, count: last - first + 1 };
  return work.count > 0 && labelWorkSubject(work, work.count) === subject ? work : undefined;
}
/** Each chunk that a subject of work asks for; none where it asks for something else. */
export function chunksOfLabelWork(subject: string): ChunkKey[] {
  const work = parseLabelWork(subject);
  if (!work) return [];
  const { count, ...first } = work;
  return Array.from({ length: count }, (_, i) => ({ ...first, chunk: first.chunk + i }));
}
export function labelWorkFilter(labelling: string): string {
  return `${ROOT}.work.label.${labelling}.>`;
}
export function trainWorkSubject(recipe: string): string {
  return `${ROOT}.work.train.${recipe}`;
}
/** Keys of the buckets of attempts and of quarantine: a subject or filter of work without its root. */
export const workKeys = {
  of: (subject: string) => subject.slice(`${ROOT}.work.`.length),
  subject: (key: string) => `${ROOT}.work.${key}`,
  attempt: (subject: string, delivery: number | "*") => `${workKeys.of(subject)}.${delivery}`,
} as const;
export const trainWorkFilter = `${ROOT}.work.train.*`;

export function labelsSubject(key: ChunkKey, part: number): string {
  return `${chunkPrefix(key)}.${part}`;
}
/** All parts of one chunk. */
export function chunkLabelsFilter(key: ChunkKey): string {
  return `${chunkPrefix(key)}.*`;
}
/** All labels of one labelling. */
export function labellingLabelsFilter(labelling: string): string {
  return `${ROOT}.labels.${labelling}.>`;
}
/** All parts of one shard, as one teacher sees one view of it. */
export function shardLabelsFilter({ labelling, shard, view }: Omit<ChunkKey, "chunk">): string {
  return `${ROOT}.labels.${labelling}.${shard}.${view}.>`;
}
/**
 * One view of all shards that were ever labelled, as one teacher sees them. A filter of one shard costs the server far more:
 * of what is of other shards it looks at each message.
 */
export function viewLabelsFilter({ labelling, view }: Pick<ChunkKey, "labelling" | "view">): string {
  return `${ROOT}.labels.${labelling}.*.${view}.>`;
}
function chunkPrefix({ labelling, shard, view, chunk }: ChunkKey): string {
  return `${ROOT}.labels.${labelling}.${shard}.${view}.${Math.floor(chunk / BLOCK_CHUNKS)}.${chunk}`;
}

/** The key and part that a subject of the label log names; undefined where it names something else. */
export function labelsOf(subject: string): (ChunkKey & { part: number }) | undefined {
  const [, , labelling, shard, view, , chunk, part, ...rest] = subject.split(".");
  if (!labelling || !shard || !view || rest.length > 0) return undefined;
  const key = { labelling, shard, view, chunk: Number(chunk), part: Number(part) };
  const whole = [key.chunk, key.part].every((n) => Number.isInteger(n) && n >= 0);
  // One subject a key: another way to write the same numbers, or another block, would be a second message.
  return whole && labelsSubject(key, key.part) === subject ? key : undefined;
}
/** The same. @throws StillhouseError for another subject */
export function parseLabelsSubject(subject: string): ChunkKey & { part: number } {
  const found = labelsOf(subject);
  if (found) return found;
  throw new StillhouseError(
    `Cannot read "${subject}" as a subject of the label log: expected ${ROOT}.labels.LABELLING.SHARD.VIEW.BLOCK.CHUNK.PART`,
  );
}

/** Progress of a teacher's training. */
export function recipeEventSubject(recipe: string): string {
  return `${ROOT}.events.recipe.${recipe}`;
}
/** Progress and news of a run. */
export function runEventSubject(run: string): string {
  return `${ROOT}.events.run.${run}`;
}
export const eventsFilter = `${ROOT}.events.>`;

/** Keys of the numerics bucket. */
export const numericsKeys = {
  of: (labelling: string, shard: string) => `${labelling}.${shard}`,
  all: (labelling: string) => `${labelling}.*`,
} as const;

/** Keys of the decisions bucket; all of a run start with it. */
export const decisionKeys = {
  of: (run: string, { shard, view, chunk }: Omit<ChunkKey, "labelling">) =>
    `${run}.${shard}.${view}.${chunk}`,
  all: (run: string) => `${run}.>`,
} as const;

/** Keys of the jobs bucket; all of a run start with it, those of teachers, which are no run's, with "teachers". */
export const jobKeys = {
  teacherCheckpoint: (recipe: string) => `teachers.checkpoint.${recipe}`,
  result: (run: string, job: string) => `${run}.result.${job}`,
  results: (run: string) => `${run}.result.*`,
  checkpoint: (run: string, job: string) => `${run}.checkpoint.${job}`,
  peer: (run: string, job: string, step: number) => `${run}.peer.${job}.${step}`,
  /** All of one student. */
  peerSteps: (run: string, job: string) => `${run}.peer.${job}.*`,
  peers: (run: string) => `${run}.peer.>`,
  evaluation: (run: string) => `${run}.evaluation`,
  testReads: (run: string) => `${run}.test-reads`,
  report: (run: string) => `${run}.report`,
} as const;

/** Keys of the orders bucket. */
export const orderKeys = {
  run: (run: string) => `run.${run}`,
  node: (node: string) => `node.${node}`,
} as const;

/** Keys of the imports bucket; those of one teacher start with its identity. */
export const importKeys = {
  labelling: (identity: string, labelling: string) => `${identity}.${labelling}`,
  identity: (identity: string) => `${identity}.*`,
} as const;
