import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it, vi } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { bytesIdx } from "../data/idxFiles.ts";
import { type CliEnd, eventually, type Workspace, workspace } from "../helpers/cli.ts";
import { freePort, withNatsServer } from "../helpers/natsServer.ts";
import { smallSpec } from "./specs.ts";

vi.setConfig({ testTimeout: 120_000 });

describe("what a user can mend ends the command with code 1 and one message", () => {
  it("an unknown key, a value of the wrong type and a spec that is not there", async () => {
    const place = await workspace();
    const unknown = await place.spec("unknown", smallSpec({ stundents: 3 }));
    expectRefusal(await place.run(["run", unknown]), "stundents");
    const wrong = await place.spec("wrong", smallSpec({ seeds: "one" }));
    expectRefusal(await place.run(["plan", wrong]), "seeds");
    expectRefusal(await place.run(["run", "nowhere.yaml"]), "nowhere.yaml");
  });

  it("a data file that is not there, and then another spec in the same --out", async () => {
    const place = await workspace();
    const data = { format: "idx", train: idxPair("train"), test: idxPair("test") };
    const missing = await place.spec("missing", smallSpec({ data }));
    const memory = ["--bus", "memory", "--out", "out"];
    // None of the four is there, and they are read side by side: any may be named.
    expectRefusal(await place.run(["run", missing, ...memory]), 'Cannot read data file "', "no such file");
    const other = await place.spec("other", smallSpec({ seeds: [9] }));
    expectRefusal(await place.run(["run", other, ...memory]), "Cannot go on in --out out", "--fresh");
  });

  it("a label that is no class", async () => {
    const place = await workspace();
    for (const part of ["train", "test"]) {
      const labels = [0, 1, part === "train" ? 200 : 2, 3];
      await writeFile(place.path(`${part}-inputs.idx`), bytesIdx([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]));
      await writeFile(place.path(`${part}-labels.idx`), bytesIdx([4], labels));
    }
    const data = { format: "idx", train: idxPair("train"), test: idxPair("test"), classes: 10 };
    const end = await place.run(["run", await place.spec("labels", smallSpec({ data })), "--bus", "memory"]);
    expectRefusal(end, "200", "train-labels.idx");
  });

  it("a server that is not there, that has no JetStream, or that is no NATS server", async () => {
    const place = await workspace();
    const spec = await place.spec("small", smallSpec());
    const url = `nats://127.0.0.1:${await freePort()}`;
    expectRefusal(await place.run(["run", spec, "--nats", url, "--out", "a"]), url, "nothing listens there");

    await withNatsServer(
      async (server) => {
        const end = await place.run(["run", spec, "--nats", server.url, "--out", "b"]);
        expectRefusal(end, server.url, "no JetStream: start it with -js");
      },
      { jetStream: false },
    );

    const stranger = await listen((socket) => socket.write("SSH-2.0-stranger\r\n"));
    try {
      const { port } = stranger.address() as { port: number };
      const env = { NATS_URL: `nats://127.0.0.1:${port}` };
      expectRefusal(await place.run(["run", spec, "--out", "c"], { env }), `${port}`, "is no NATS server");
    } finally {
      stranger.close();
    }
    const status = await place.run(["status", "--store", "nowhere"]);
    expectRefusal(status, "no NATS server is named", "--nats");
  });

  it("a second run in the same --out, and folders that are files", async () => {
    const place = await workspace();
    const spec = await place.spec("small", smallSpec());
    const first = place.start(["run", spec, "--bus", "memory", "--out", "out"]);
    await first.says("report in");
    const second = await place.run(["run", spec, "--bus", "memory", "--out", "out"]);
    expectRefusal(second, "Cannot use --out out", String(first.pid));
    // The refused one took nothing away from the first.
    expectRefusal(
      await place.run(["run", spec, "--bus", "memory", "--out", "out"]),
      `as process ${first.pid}`,
    );
    first.signalGroup("SIGKILL");

    await writeFile(place.path("file"), "");
    expectRefusal(
      await place.run(["run", spec, "--bus", "memory", "--out", "file"]),
      "Cannot use --out file",
    );
    const end = await place.run(["run", spec, "--store", "file", "--out", "other"]);
    expectRefusal(end, "Cannot use store", place.path("file"));
  });

  it("a teacher with another number of classes, which only a teacher node can see", async () => {
    const place = await workspace();
    await writeModel(place, { features: 16, classes: 3 });
    const three = { name: "three", model: { format: "tfjs-layers", path: "model.json", output: "logits" } };
    const spec = await place.spec("classes", smallSpec({ teachers: [three] }));
    const end = await place.run(["run", spec, "--store", "store", "--out", "out"]);
    expectRefusal(end, 'teacher "three"', "4 classes", "3");
    await eventually("nothing is left", () => place.living().length === 0 || undefined);
  });
});

it("without a server a run says so on the screen and in its report, with what to type, and runs in one process", async () => {
  const place = await workspace();
  const data = { format: "synthetic", train: 256, test: 64 };
  const spec = await place.spec("alone", smallSpec({ data }));
  const command = ["run", spec, "--out", "out"];
  // To take nats-server out of the system's own folders is not a test's business; a wrong path ends the search too.
  const env = { NATS_SERVER_BIN: place.path("nowhere") };
  const end = await place.run(command, { env });
  expect(end.code, end.stderr).toBe(0);
  const fix = "Set NATS_SERVER_BIN to the path of a nats-server, or unset it to have one looked for.";
  expect(end.stderr).toMatch(/^NOTE: no NATS server was found \(NATS_SERVER_BIN: .*nowhere/m);
  expect(end.stderr).toContain(fix);
  const { bus, warnings } = place.readReport("out");
  expect(bus.kind).toBe("memory");
  expect(bus.note).toContain("no NATS server was found (NATS_SERVER_BIN:");
  expect(bus.note).toContain(fix);
  expect(warnings.join()).toContain("no NATS server was found");

  // Who asks for NATS does not get something else.
  expectRefusal(await place.run([...command, "--fresh", "--bus", "nats"], { env }), "No NATS server", fix);
});

/** Code 1, nothing on standard output, and after what went well one message, without a stack, that holds all `texts`. */
function expectRefusal(end: CliEnd, ...texts: string[]): void {
  expect(end.code, end.stderr).toBe(1);
  expect(end.stdout).toBe("");
  const progress = /^(\[\d+:\d\d\] |Run \S+, report in |NATS server: |Compute: |waiting \d+ s: )/;
  const message = end.stderr.split("\n").filter((line) => line !== "" && !progress.test(line));
  const [first, ...more] = message;
  expect(first, end.stderr).toMatch(/^(Cannot |No NATS server: |Run \S+ failed at node )/);
  // The problems of a spec stand below it.
  for (const line of more) expect(line, end.stderr).toMatch(/^ {2}(?!\s*at )/);
  for (const text of texts) expect(message.join("\n")).toContain(text);
}

function idxPair(part: string) {
  return { inputs: `${part}-inputs.idx`, labels: `${part}-labels.idx` };
}

function listen(onConnection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      onConnection(socket);
    });
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

/** A linear layers model as TensorFlow.js saves it: model.json, and its weights in a file beside it. */
async function writeModel(place: Workspace, { features, classes }: { features: number; classes: number }) {
  await chooseBackend({ prefer: "cpu" });
  const model = tf.sequential({ layers: [tf.layers.dense({ units: classes, inputShape: [features] })] });
  await mkdir(place.folder, { recursive: true });
  await model.save({
    async save(artifacts) {
      const weights = new Uint8Array(artifacts.weightData as ArrayBuffer);
      await writeFile(place.path("weights.bin"), weights);
      const manifest = [{ paths: ["weights.bin"], weights: artifacts.weightSpecs }];
      const json = {
        format: "layers-model",
        modelTopology: artifacts.modelTopology,
        weightsManifest: manifest,
      };
      await writeFile(place.path("model.json"), JSON.stringify(json));
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" as const } };
    },
  });
  model.dispose();
}
