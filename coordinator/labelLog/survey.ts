import type { WriteOnceLog } from "../../shared/bus/bus.ts";
import { messageOf } from "../../shared/errors.ts";
import { parseLabelsSubject, streams } from "../../shared/protocol/subjects.ts";

/** What the log holds of one shard, as one teacher sees one view of it. */
export interface LabelGroup {
  readonly labelling: string;
  readonly shard: string;
  readonly view: string;
  messages: number;
  /** Of the messages, envelopes included. */
  bytes: number;
  /** When its last message was stored. */
  newestMs: number;
  /** One of its subjects. */
  readonly example: string;
  /** Messages of each chunk that has any. */
  readonly parts: ReadonlyMap<number, number>;
}

export interface Survey {
  readonly groups: readonly LabelGroup[];
  /** Messages whose subject names no labels, in words. */
  readonly strange: readonly string[];
}

export interface SurveyOptions {
  readonly log: WriteOnceLog;
  /** Of the label log; absent: all of it. */
  readonly filters?: readonly string[];
  readonly signal: AbortSignal;
  onProgress?(messages: number): void;
}

/** No more of them are told. */
const STRANGE = 10;

/**
 * Counts what the log holds without reading it: subjects and sizes pass by one after the other, and what is kept is a
 * number a chunk.
 * @throws the reason of `signal` when it aborts
 */
export async function surveyLog({
  log,
  filters = [streams.labels.filter],
  signal,
  onProgress,
}: SurveyOptions): Promise<Survey> {
  const groups = new Map<string, LabelGroup & { parts: Map<number, number> }>();
  const strange: string[] = [];
  let seen = 0;
  for (const filter of new Set(filters)) {
    for await (const { subject, bytes = 0, storedAtMs } of log.follow(filter, signal, { until: "now" })) {
      onProgress?.(++seen);
      let key: ReturnType<typeof parseLabelsSubject>;
      try {
        key = parseLabelsSubject(subject);
      } catch (error) {
        if (strange.length < STRANGE) strange.push(messageOf(error));
        continue;
      }
      const { labelling, shard, view, chunk } = key;
      const name = `${labelling}.${shard}.${view}`;
      let group = groups.get(name);
      if (!group) {
        const empty = { messages: 0, bytes: 0, newestMs: 0, parts: new Map<number, number>() };
        group = { labelling, shard, view, example: subject, ...empty };
        groups.set(name, group);
      }
      group.messages++;
      group.bytes += bytes;
      group.newestMs = Math.max(group.newestMs, storedAtMs);
      group.parts.set(chunk, (group.parts.get(chunk) ?? 0) + 1);
    }
    signal.throwIfAborted();
  }
  return { groups: [...groups.values()], strange };
}
