import {
  AckPolicy,
  connect,
  DeliverPolicy,
  DiscardPolicy,
  type NatsConnection,
  nanos,
  RetentionPolicy,
  StorageType,
} from "nats";
import type { LabelMessage } from "../../shared/labels/labelMessage.ts";
import { streams } from "../../shared/protocol/subjects.ts";

const { name: STREAM, filter: SUBJECTS } = streams.labels;

/** The log's stream, set up as the product does it. */
async function openStream(nc: NatsConnection): Promise<void> {
  const jsm = await nc.jetstreamManager();
  await jsm.streams.add({
    name: STREAM,
    subjects: [SUBJECTS],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    discard_new_per_subject: true,
    max_msgs_per_subject: 1,
    allow_direct: true,
  });
}

/** A bare client that publishes: the library's own `publish`, so many at once. */
export async function openRawWriter(url: string): Promise<{
  publishAll(messages: readonly LabelMessage[], inFlight: number): Promise<void>;
  close(): Promise<void>;
}> {
  const nc = await connect({ servers: url, noAsyncTraces: true });
  await openStream(nc);
  const js = nc.jetstream();
  return {
    async publishAll(messages, inFlight) {
      let next = 0;
      const publish = async (): Promise<void> => {
        for (let message = messages[next++]; message; message = messages[next++]) {
          await js.publish(message.subject, message.data);
        }
      };
      await Promise.all(Array.from({ length: inFlight }, publish));
    },
    close: () => nc.close(),
  };
}

/** A bare client that reads: the library's own `consume`, unacknowledged. */
export async function openRawReader(url: string): Promise<{
  /** @returns bytes of that many messages */
  read(messages: number): Promise<number>;
  close(): Promise<void>;
}> {
  const nc = await connect({ servers: url, noAsyncTraces: true });
  await openStream(nc);
  const jsm = await nc.jetstreamManager();
  const { name } = await jsm.consumers.add(STREAM, {
    name: "raw",
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.All,
    inactive_threshold: nanos(60_000),
    mem_storage: true,
  });
  const consumer = await nc.jetstream().consumers.get(STREAM, name);
  return {
    async read(messages) {
      let [read, bytes] = [0, 0];
      const arriving = await consumer.consume({ max_messages: 512 });
      for await (const { data } of arriving) {
        bytes += data.byteLength;
        if (++read === messages) break;
      }
      return bytes;
    },
    close: () => nc.close(),
  };
}
