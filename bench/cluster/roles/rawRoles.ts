import type { RunSpec } from "../../../shared/config/spec.ts";
import type { Shard } from "../../../shared/data/dataset.ts";
import { labelOrder } from "../../../shared/data/labelOrder.ts";
import { openDataset } from "../../../shared/data/open.ts";
import { type LabelMessage, labelMessage } from "../../../shared/labels/labelMessage.ts";
import { chunkLayout } from "../../../shared/labels/layout.ts";
import { PLAIN_VIEW } from "../../../shared/protocol/identifiers.ts";
import { labelsSubject } from "../../../shared/protocol/subjects.ts";
import { openRawReader, openRawWriter } from "../rawClient.ts";
import type { Role, RoleTask } from "../role.ts";
import { simulatedTeachers } from "../simulatedRun.ts";
import { simulatedLogits } from "../simulatedTeacher.ts";

/** Publishes the run's label messages, as many, as large and on the same subjects, by a bare client. */
export async function openRawPublisher({
  url,
  spec,
  inFlight,
}: Extract<RoleTask, { role: "raw-publisher" }>): Promise<Role> {
  const messages = await rawMessages(spec);
  const writer = await openRawWriter(url);
  return {
    async work() {
      await writer.publishAll(messages, inFlight);
      return { messages: messages.length, bytes: bytesOf(messages) };
    },
    close: () => writer.close(),
  };
}

/** Reads them at the same time. */
export async function openRawConsumer({
  url,
  spec,
}: Extract<RoleTask, { role: "raw-consumer" }>): Promise<Role> {
  const messages = (await rawMessages(spec)).length;
  const reader = await openRawReader(url);
  return {
    async work() {
      return { messages, bytes: await reader.read(messages) };
    },
    close: () => reader.close(),
  };
}

/**
 * The messages of a run in the order of labelling. Encoding is no part of the raw limit: those of equal size share their
 * bytes.
 */
async function rawMessages(spec: RunSpec): Promise<LabelMessage[]> {
  const dataset = await openDataset(spec.data, ".");
  const { chunkSize } = spec.labels;
  const { classes } = dataset;
  const values = simulatedLogits({ rows: chunkSize, classes });
  const layout = { encoding: "half", classes, features: [] } as const;
  const made = new Map<string, Uint8Array>();
  const teachers = simulatedTeachers(spec);
  return labelOrder(dataset, chunkSize, 1).flatMap(({ shard: place, chunk }) => {
    const shard = dataset.shards[place] as Shard;
    const { rows, parts } = chunkLayout({ shard, chunkSize, chunk, ...layout });
    return teachers.flatMap(({ ready }) => {
      const key = { labelling: ready.labelling, shard: shard.hash, view: PLAIN_VIEW, chunk };
      return parts.map(([from, to], part) => {
        // MessagePack writes numbers up to 127, 255 and 65,535 in one, two and three bytes.
        const size = `${part}/${to - from}/${chunk < 128 ? 1 : chunk < 256 ? 2 : 3}`;
        const known = made.get(size);
        const data =
          known ??
          labelMessage({
            key,
            part,
            rows: rows.slice(from, to),
            values: values.subarray(from * classes, to * classes),
            layout,
            node: "teachers-0",
            what: "the benchmark",
          }).data;
        made.set(size, data);
        return { subject: labelsSubject(key, part), data };
      });
    });
  });
}

function bytesOf(messages: readonly LabelMessage[]): number {
  return messages.reduce((sum, { data }) => sum + data.byteLength, 0);
}
