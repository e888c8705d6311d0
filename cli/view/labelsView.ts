import type { ListedLabelling, ListedShard } from "../../coordinator/labelLog/listLabels.ts";
import { encodingText } from "../../shared/labels/encodingText.ts";
import { count, many, size } from "./numbers.ts";

/** What the label log holds, in lines for people: a block a labelling, in it a line for each data set and view. */
export function listedLines(server: string, labellings: readonly ListedLabelling[]): string[] {
  const messages = labellings.reduce((sum, one) => sum + one.messages, 0);
  const bytes = labellings.reduce((sum, one) => sum + one.bytes, 0);
  return [
    `${server}: ${many(labellings.length, "labelling")}, ${many(messages, "message")}, ${size(bytes)}`,
    ...labellings.flatMap((one) => ["", ...labellingLines(one)]),
  ];
}

function labellingLines(of: ListedLabelling): string[] {
  const { labelling, names, identity, imported, encoding, classes, features, chunkSize, uses, problem } = of;
  const stored = [
    encoding === null ? "unknown encoding" : encodingText(encoding),
    ...(classes === null ? [] : [`${count(classes)} classes`]),
    chunkSize === null ? "chunks of unknown size" : `chunks of ${count(chunkSize)}`,
    ...(features.length > 0 ? [`features ${features.join(", ")}`] : []),
  ];
  const used = uses.map(({ run, state }) => `${run} (${state})`);
  return [
    `${names.length > 0 ? names.join(", ") : "unknown teacher"}  ${size(of.bytes)} in ${many(of.messages, "message")}`,
    `  labelling  ${labelling}`,
    ...(identity === null ? [] : [`  identity   ${identity}`]),
    ...(imported === null ? [] : [`  imported   from ${imported}`]),
    `  stored as  ${stored.join(", ")}`,
    ...byData(of.shards).map(dataLine),
    `  used by    ${used.length > 0 ? used.join(", ") : "no run"}`,
    ...(problem === null ? [] : [`  problem    ${problem}`]),
  ];
}

/** Shards that belong together: of the same data, as it is, or in views that change it. */
interface DataLabels {
  readonly title: string;
  readonly shards: readonly ListedShard[];
}

function byData(shards: readonly ListedShard[]): DataLabels[] {
  const found = new Map<string, ListedShard[]>();
  for (const shard of shards) {
    const data = shard.data.map(({ hash, name }) => `${name} ${hash.slice(0, 12)}`).join(" and ");
    const title = `${data || "unknown data"}, ${shard.view === "plain" ? "view plain" : "changed by views"}`;
    found.set(title, [...(found.get(title) ?? []), shard]);
  }
  return [...found].map(([title, of]) => ({ title, shards: of }));
}

function dataLine({ title, shards }: DataLabels): string {
  const sum = (of: (shard: ListedShard) => number): number =>
    shards.reduce((all, shard) => all + of(shard), 0);
  const bytes = size(sum((shard) => shard.bytes));
  const hashes = new Set(shards.map(({ shard }) => shard)).size;
  const views = new Set(shards.map(({ view }) => view)).size;
  const parts = [
    ...(views === 1 ? [] : [many(views, "view")]),
    ...(hashes === 1 ? [] : [many(hashes, "shard")]),
  ];
  const head = `  data       ${title}: ${parts.map((part) => `${part}, `).join("")}`;
  if (shards.some(({ chunks }) => chunks === null)) {
    const messages = many(
      sum((shard) => shard.messages),
      "message",
    );
    return `${head}${messages}, ${bytes}; no record tells of how many chunks and samples (shard ${shards[0]?.shard})`;
  }
  const complete = count(sum(({ chunks }) => chunks?.complete ?? 0));
  const all = many(
    sum(({ chunks }) => chunks?.of ?? 0),
    "chunk",
  );
  const partial = sum(({ chunks }) => chunks?.partial ?? 0);
  const samples = many(
    sum((shard) => shard.samples ?? 0),
    "sample",
  );
  return `${head}${complete} of ${all} complete${partial > 0 ? `, ${count(partial)} in part` : ""}, ${samples}, ${bytes}`;
}
