import { openDataset } from "../../../shared/data/open.ts";
import { LabelStoreReader } from "../../../shared/labels/labelStoreReader.ts";
import { LabelStoreWriter } from "../../../shared/labels/labelStoreWriter.ts";
import { readLabels, storeLayout } from "../readLabels.ts";
import type { Role, RoleTask } from "../role.ts";
import { connectRole } from "./connect.ts";

/** The reading of a student node: every label from the log, checked, into the local store and its index. */
export async function openStudent({ url, spec }: Extract<RoleTask, { role: "student" }>): Promise<Role> {
  const stop = new AbortController();
  const bus = await connectRole(url, "student");
  const dataset = await openDataset(spec.data, ".");
  const store = new LabelStoreWriter();
  const index = new LabelStoreReader(store.path, storeLayout(spec, dataset));
  const { feed, reading } = readLabels(
    bus,
    spec,
    dataset,
    store,
    (parts) => {
      for (const part of parts) index.add(part);
    },
    stop.signal,
  );
  return {
    async work() {
      await feed.upTo(feed.total);
      return { messages: feed.messagesRead, bytes: feed.bytesRead };
    },
    async close() {
      stop.abort();
      await reading.catch(() => undefined);
      index.close();
      store.close();
      await bus.close();
    },
  };
}
