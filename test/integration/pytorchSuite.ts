import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Bus } from "../../shared/bus/bus.ts";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { exportOnnx } from "../../shared/compute/exportOnnx.ts";
import { restoreModel } from "../../shared/compute/predictors/nativeModel.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { Report } from "../../shared/evaluate/reportSchema.ts";
import { decodeRow } from "../../shared/labels/encoding.ts";
import { packModel } from "../../shared/model/artifact.ts";
import { buildModel } from "../../shared/model/build.ts";
import { readWeights } from "../../shared/model/weights.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { streams } from "../../shared/protocol/subjects.ts";
import { bytesIdx } from "../data/idxFiles.ts";
import { eventually, labelCount, nodesOf, openWorkspace, type Workspace } from "../helpers/cli.ts";
import { type NatsServer, startNatsServer } from "../helpers/natsServer.ts";
import { exampleFolder } from "../helpers/python.ts";
import { subjectsOf } from "../helpers/subjectsOf.ts";

const TRAIN = 1200;
const TEST = 400;
const CHUNK = 4;
/** Both numbers of rows are multiples of a chunk's. */
const CHUNKS = (TRAIN + TEST) / CHUNK;
const CLASSES = 5;

/**
 * Examples/pytorch-teacher against TypeScript nodes that serve the same ONNX weights.
 * @param python what `beforeAll` is to find out, or why the tests are to be skipped
 */
export function pytorchTests(python: () => { python: string } | { why: string }): void {
  let place: Workspace;
  let server: NatsServer;
  let bus: Bus;
  const pythons: ChildProcess[] = [];

  beforeAll(async () => {
    place = await openWorkspace();
    writeData(place);
    await writeModel(place);
    server = await startNatsServer();
    bus = await place.watch(server.url);
  });
  afterAll(async () => {
    for (const child of pythons) child.kill("SIGKILL");
    await place.dispose();
    await server.dispose();
  });

  const specOf = (name: string, changes: Record<string, unknown> = {}): Promise<string> => {
    const idx = (part: string) => ({ inputs: `${part}-inputs`, labels: `${part}-labels` });
    return place.spec(name, {
      name,
      seeds: [1],
      baseline: false,
      data: { format: "idx", train: idx("train"), test: idx("test"), classes: CLASSES },
      teachers: [
        { name: "conv", model: { format: "onnx", path: "conv.onnx", output: "logits", scale: 2, mean: 0.5 } },
      ],
      student: { model: { arch: "mlp", hidden: [8] }, train: { epochs: 1, batch: 64 } },
      labels: { chunkSize: CHUNK, encoding: "float32", maxInFlight: 4 },
      numerics: "tolerant",
      ...changes,
    });
  };
  const start = (...args: string[]) => place.start([...args, "--nats", server.url]);
  function startPython(name: string): ChildProcess {
    const found = python();
    if ("why" in found) throw new Error(found.why);
    const child = spawn(
      found.python,
      [join(exampleFolder, "teacher.py"), "--nats", server.url, "--name", name],
      {
        cwd: place.folder,
        env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
        stdio: ["ignore", "inherit", "inherit"],
      },
    );
    pythons.push(child);
    return child;
  }
  const teacherNode = (name: string) => async () =>
    (await nodesOf(bus, "teacher")).find(({ node }) => node === name);
  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  it("labels as TypeScript nodes do, to rounding", async (context) => {
    const found = python();
    if ("why" in found) context.skip(found.why);
    const spec = await specOf("alone");
    const student = start("student");
    // First by PyTorch alone, then, in a log of its own, by ONNX Runtime alone.
    const child = startPython("python-alone");
    const first = await coordinated(start("coordinator", spec, "--run", "alone"));
    expect(first.teacherNodes).toMatchObject([
      { node: "python-alone", samplesPredicted: TRAIN + TEST, chunks: CHUNKS },
    ]);
    expect(first.teachers[0]?.computers).toMatchObject([{ backend: "pytorch" }]);
    const byPython = await logits(bus, first.teachers[0]?.labelling as string);
    await end(child, "SIGTERM");
    student.signalGroup("SIGTERM");
    await student.ended;

    const other = await startNatsServer();
    try {
      const out = await place.report([spec, "--nats", other.url], "typescript");
      const ours = await place.watch(other.url);
      const byTypeScript = await logits(ours, out.teachers[0]?.labelling as string);
      expect(out.teachers[0]?.labelling).toBe(first.teachers[0]?.labelling);
      expect([...byPython.keys()].sort()).toEqual([...byTypeScript.keys()].sort());
      expect(byPython.size).toBe(CHUNKS);
      let [difference, largest] = [0, 0];
      for (const [subject, values] of byTypeScript) {
        values.forEach((value, i) => {
          difference = Math.max(difference, Math.abs(value - (byPython.get(subject)?.[i] as number)));
          largest = Math.max(largest, Math.abs(value));
        });
      }
      expect(largest).toBeGreaterThan(0.1);
      expect(difference).toBeLessThan(1e-5 * largest);
    } finally {
      await other.dispose();
    }
  });

  it("labels beside them, and they go on where it is killed", async (context) => {
    const found = python();
    if ("why" in found) context.skip(found.why);
    const before = await labelCount(bus);
    const spec = await specOf("beside", { labels: { chunkSize: CHUNK, encoding: "half", maxInFlight: 4 } });
    const child = startPython("python-beside");
    const run = start("coordinator", spec, "--run", "beside");
    await eventually(
      "PyTorch has labelled some",
      async () => (await labelCount(bus)) >= before + 10 || undefined,
    );
    await end(child, "SIGKILL");
    expect(await labelCount(bus)).toBeLessThan(before + CHUNKS);
    const teacher = start("teacher", "--name", "typescript-beside");
    const student = start("student");
    const report = await coordinated(run);
    const nodes = await writers(bus, report.teachers[0]?.labelling as string);
    expect(nodes.get("python-beside")).toBeGreaterThanOrEqual(10);
    expect(nodes.get("typescript-beside")).toBe(CHUNKS - (nodes.get("python-beside") as number));
    // The first node's answer to the probe stands, and the other's differs from it by rounding alone.
    const [first, second] = report.teachers[0]?.computers ?? [];
    expect(first).toMatchObject({ backend: "pytorch", difference: 0 });
    expect(second?.backend).not.toBe("pytorch");
    expect(second?.difference).toBeGreaterThan(0);
    expect(second?.difference).toBeLessThan(1e-4);
    for (const cli of [teacher, student]) cli.signalGroup("SIGTERM");
    await Promise.all([teacher.ended, student.ended]);
  });

  it("is refused where the spec wants the same bits, and says so", async (context) => {
    const found = python();
    if ("why" in found) context.skip(found.why);
    const labels = { chunkSize: 2 * CHUNK, encoding: "float32" };
    const spec = await specOf("strict", { labels, numerics: "strict" });
    const teacher = start("teacher", "--name", "typescript-strict");
    const run = start("coordinator", spec, "--run", "strict");
    await eventually(
      "TypeScript serves",
      async () => ((await teacherNode("typescript-strict")())?.serving.length ?? 0) > 0 || undefined,
    );
    const child = startPython("python-strict");
    const refused = await eventually(
      "PyTorch is refused",
      async () => (await teacherNode("python-strict")())?.refused[0],
    );
    expect(refused.why).toMatch(/the probe's logits differ by up to \S+ from those of typescript-strict/);
    const student = start("student");
    const report = await coordinated(run);
    expect([...(await writers(bus, report.teachers[0]?.labelling as string)).keys()]).toEqual([
      "typescript-strict",
    ]);
    await end(child, "SIGTERM");
    for (const cli of [teacher, student]) cli.signalGroup("SIGTERM");
    await Promise.all([teacher.ended, student.ended]);
  });
}

async function coordinated(run: ReturnType<Workspace["start"]>): Promise<Report> {
  const { code, stdout, stderr } = await run.ended;
  if (code !== 0) throw new Error(`The coordinator ended with code ${code}:\n${stderr}`);
  return Report.parse(JSON.parse(stdout));
}

/** Images of 12 x 12 and one channel, of no meaning. */
function writeData(place: Workspace): void {
  for (const [part, rows] of [
    ["train", TRAIN],
    ["test", TEST],
  ] as const) {
    const draws = rng("pixels", part);
    const pixels = Array.from({ length: rows * 144 }, () => draws.below(256));
    writeFileSync(place.path(`${part}-inputs`), bytesIdx([rows, 12, 12], pixels));
    const classes = Array.from({ length: rows }, (_, row) => row % CLASSES);
    writeFileSync(place.path(`${part}-labels`), bytesIdx([rows], classes));
  }
}

/** A convolutional net with its first weights, as `stillhouse export` writes it. */
async function writeModel(place: Workspace): Promise<void> {
  await chooseBackend({ prefer: "cpu" });
  const arch = { arch: "cnn", channels: [4, 6], dense: 16, dropout: 0 } as const;
  const shape = { inputShape: [12, 12, 1], inputScale: 1 / 255, classes: CLASSES };
  const built = buildModel({ ...arch, channels: [...arch.channels] }, shape.inputShape, CLASSES, ["pytorch"]);
  const artifact = packModel({
    arch: { ...arch, channels: [...arch.channels] },
    ...shape,
    weights: readWeights(built),
  });
  built.dispose();
  const model = restoreModel(artifact);
  const { bytes } = await exportOnnx(model, {}, undefined);
  model.dispose();
  writeFileSync(place.path("conv.onnx"), bytes);
}

async function messages(bus: Bus, labelling: string): Promise<Map<string, Labels>> {
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const found = new Map<string, Labels>();
  for (const subject of await subjectsOf(log, `stillhouse.labels.${labelling}.>`)) {
    found.set(subject, decode(Labels, (await log.get(subject)) as Uint8Array, subject));
  }
  return found;
}

/** What the log holds of a labelling in float32, by subject. */
async function logits(bus: Bus, labelling: string): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  for (const [
    subject,
    {
      shape: [rows, classes],
      encoding,
      payload,
    },
  ] of await messages(bus, labelling)) {
    const values = new Float32Array(rows * classes);
    for (let row = 0; row < rows; row++)
      decodeRow(encoding, payload, row * classes * 4, classes, values, row);
    found.set(subject, values);
  }
  return found;
}

/** How many messages of a labelling each node wrote. */
async function writers(bus: Bus, labelling: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { node } of (await messages(bus, labelling)).values())
    counts.set(node, (counts.get(node) ?? 0) + 1);
  return counts;
}
