import type { Bus, WriteOnceLog } from "../shared/bus/bus.ts";
import { inBatches } from "../shared/bus/inBatches.ts";
import type { Dataset, Shard } from "../shared/data/dataset.ts";
import { StillhouseError } from "../shared/errors.ts";
import { checkedLabels } from "../shared/labels/checkedLabels.ts";
import type { LoggedPart } from "../shared/labels/labelStoreWriter.ts";
import { labelsSubject, streams } from "../shared/protocol/subjects.ts";
import type { LabelLayouts } from "./labelLayouts.ts";

/** The log has lost labels that were read from it: they are asked for again, and trainings go on from their checkpoints. */
export class LabelsGone extends StillhouseError {}

interface LabelsOfRun {
  readonly bus: Bus;
  readonly dataset: Dataset;
  readonly labellings: readonly string[];
  /** Hashes of the views that teachers label, by their numbers. */
  readonly views: readonly string[];
}

/** Reads parts from the log that were read before and that the local store has no room for, and counts them. */
export class LogAgain {
  readonly #of: LabelsOfRun;
  readonly #layouts: LabelLayouts;
  #log: WriteOnceLog | undefined;
  bytes = 0;
  messages = 0;

  constructor(of: LabelsOfRun, layouts: LabelLayouts) {
    this.#of = of;
    this.#layouts = layouts;
  }

  /**
   * Several at once, as each takes a way to the server and back.
   * @returns their payloads, in the order of the parts
   * @throws LabelsGone, WrongLabels, MalformedMessage
   */
  async read(parts: readonly LoggedPart[]): Promise<Uint8Array[]> {
    this.#log ??= await this.#of.bus.log(streams.labels.name, streams.labels.filter);
    const log = this.#log;
    return inBatches(parts, async (part) => {
      const subject = this.#subjectOf(part);
      const data = await log.get(subject);
      if (!data) {
        throw new LabelsGone(
          `Cannot read the labels at ${subject} again: the log has lost them; they are asked for again, and what needs them goes on from its last checkpoint`,
          { fields: { subject }, retry: true },
        );
      }
      const { teacher, shard, chunk } = part;
      const layout = this.#layouts.chunk(teacher, shard, chunk);
      const { payload } = checkedLabels({ subject, data }, layout, this.#layouts.row(teacher));
      this.bytes += data.byteLength;
      this.messages++;
      return payload;
    });
  }

  #subjectOf({ teacher, view, shard, chunk, from }: LoggedPart): string {
    const { dataset, labellings, views } = this.#of;
    const key = {
      labelling: labellings[teacher] as string,
      shard: (dataset.shards[shard] as Shard).hash,
      view: views[view] as string,
      chunk,
    };
    const part = this.#layouts.chunk(teacher, shard, chunk).parts.findIndex(([first]) => first === from);
    return labelsSubject(key, part);
  }
}
