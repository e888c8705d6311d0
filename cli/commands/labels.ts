import { basename } from "node:path";
import { type Imported, importLabels } from "../../coordinator/importLabels.ts";
import { systemClock } from "../../shared/bus/clock.ts";
import { connectNats } from "../../shared/bus/nats.ts";
import { LabelFileSpec } from "../../shared/config/labelFileSpec.ts";
import { loadSpec } from "../../shared/config/load.ts";
import { openDataset } from "../../shared/data/open.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { chooseBus, type ServerChoice, withServer } from "../local/chooseBus.ts";
import { nodeId } from "../nodeId.ts";
import { credentialsOf } from "../openBus.ts";
import { stopSignals } from "../stopSignals.ts";

export interface ImportFileOptions extends ServerChoice {
  creds?: string;
  data: string;
  output?: "logits" | "probabilities";
  ids?: string;
  floor?: number;
  columns?: number[];
}

/** Options that no file of labels can be read with. */
export class BadImportOptions extends StillhouseError {}

/**
 * `stillhouse labels import FILE --data SPEC`: puts labels that were made elsewhere into the label log, and prints the
 * teacher that they are. Cut off, the same command goes on.
 */
export async function importFile(path: string, options: ImportFileOptions): Promise<number> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const source = sourceOf(path, options);
  const { spec, baseDir } = await loadSpec(options.data);
  const dataset = await openDataset(spec.data, baseDir);
  const place = await chooseBus({ ...options, bus: "nats" }, say);
  if (place.kind === "memory") throw new RangeError("A server was asked for, and the memory bus was chosen");
  const signal = stopSignals();
  return withServer(place, options, say, signal, async (url) => {
    const node = nodeId("import");
    const bus = await connectNats({ url, name: node, signal, ...credentialsOf(options.creds) });
    try {
      const imported = await importLabels(source, process.cwd(), {
        bus,
        clock: systemClock,
        node,
        dataset,
        labels: spec.labels,
        signal,
        onNotice: say,
      });
      process.stdout.write(`${toldOf(imported, dataset.name)}\n`);
      return 0;
    } finally {
      await bus.close();
    }
  });
}

function sourceOf(path: string, { output, ids, floor, columns }: ImportFileOptions): LabelFileSpec {
  const parsed = LabelFileSpec.safeParse({ path, output, ids, probabilityFloor: floor, columns });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new BadImportOptions(`Cannot import "${path}": ${problems.join("; ")}`, {
    fields: { path, problems },
  });
}

function toldOf({ teacher, chunks, appended }: Imported, data: string): string {
  const n = (value: number): string => value.toLocaleString("en");
  const { file, samples, output, identity, encoding, chunkSize } = teacher;
  const name = basename(file)
    .replace(/\.np[yz]$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return [
    `${basename(file)}  ${output} of ${n(samples)} samples of ${data}`,
    `  identity    ${identity}`,
    `  label log   ${n(chunks)} chunks of ${n(chunkSize)} as ${encoding}, ${n(chunks - appended)} of them were there`,
    "",
    "teachers:",
    `  - name: ${name || "imported"}`,
    `    labels: { identity: ${JSON.stringify(identity)} }`,
  ].join("\n");
}
