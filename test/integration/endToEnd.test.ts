import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { eventually, nodesOf, openWorkspace, type Workspace } from "../helpers/cli.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 });

/** Classifiers that nobody here trained, in a folder beside the repository, whose README gives their accuracy on MNIST's test split. */
const folder = fileURLToPath(new URL("../../../shared/models/", import.meta.url));
const borrowed = existsSync(folder);
const borrowedTeachers = [
  {
    name: "layers",
    model: { format: "tfjs-layers", path: `${folder}mnist-tfjs-layers/model.json`, output: "probabilities" },
    accuracy: 0.9929,
  },
  {
    name: "onnx",
    model: {
      format: "onnx",
      path: `${folder}mnist-cnn-onnx/mnist_cnn.onnx`,
      output: "logits",
      mean: 0.1307,
      deviation: 0.3081,
    },
    accuracy: 0.9891,
  },
  {
    name: "onnx-one-by-one",
    model: { format: "onnx", path: `${folder}mnist-cntk-onnx/mnist.onnx`, output: "logits", scale: 255 },
    accuracy: 0.9891,
  },
];

describe("a run on MNIST, from plan to report", () => {
  let place: Workspace;
  let spec: string;
  let report: Report;
  let statusText: string;
  let statusJson: { server: string; runs: { run: string; state: string }[]; nodes: { role: string }[] };
  let summary: string;

  beforeAll(async () => {
    place = await openWorkspace();
    spec = await place.spec("digits", {
      name: "digits",
      seeds: [1, 2],
      data: { dataset: "mnist", limit: 2000 },
      teachers: [
        {
          name: "dense",
          model: { arch: "mlp", hidden: [32] },
          train: { epochs: 2, batch: 64 },
        },
        ...(borrowed ? borrowedTeachers.map(({ name, model }) => ({ name, model })) : []),
      ],
      student: { model: { arch: "mlp", hidden: [16] }, train: { epochs: 3, batch: 32 } },
      nodes: { teachers: 1, studentWorkers: 1 },
    });
    const run = place.start(["run", spec, "--store", "store", "--out", "out"]);
    const bus = await place.watch((await place.server("store")).url);
    await eventually("the teacher node is there", async () => (await nodesOf(bus, "teacher"))[0]);
    const [text, json] = await Promise.all([
      place.run(["status", "--store", "store"]),
      place.run(["status", "--store", "store", "--json"]),
    ]);
    statusText = text.stdout;
    statusJson = JSON.parse(json.stdout);
    const end = await run.ended;
    if (end.code !== 0) throw new Error(`The run ended with code ${end.code}:\n${end.stderr}`);
    summary = end.stdout;
    report = place.readReport("out");
  });
  afterAll(() => place.dispose());

  it("export writes its student as an ONNX file, from the folder of the run and from its id", async () => {
    const folder = await place.run(["export", "out", "--store", "store", "--out", "student.onnx"]);
    expect(folder.code, folder.stderr).toBe(0);
    expect(folder.stdout).toMatch(/^student-1 of digits-\w+\n.*student\.onnx, 0\.05 MB, ONNX/);
    expect(folder.stdout).toContain("float32 [batch, 28, 28, 1]");
    expect(Number(/at most (\S+) from TensorFlow\.js/.exec(folder.stdout)?.[1])).toBeLessThan(1e-4);
    const more = ["--store", "store", "--seed", "2", "--baseline"];
    const id = await place.run(["export", report.run, ...more, "--out", "alone.onnx"]);
    expect(id.code, id.stderr).toBe(0);
    expect(id.stdout).toMatch(/^baseline-2 of digits-/);
    const [one, other] = ["student.onnx", "alone.onnx"].map((name) => readFileSync(place.path(name)));
    expect(one?.length).toBeGreaterThan(4 * (784 * 16 + 16 + 160 + 10));
    expect(one?.equals(other as Buffer)).toBe(false);
    const missing = await place.run(["export", "out", "--store", "store", "--seed", "7"]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/Cannot export student-7 of run digits-.*its seeds are \[1, 2\]/);
  });

  it("plan checks the spec against the data and says what the run does", async () => {
    const text = await place.run(["plan", spec]);
    expect(text.code, text.stderr).toBe(0);
    // A stratified tenth of 2,000 is validation, up to the rounding of each of the ten classes.
    expect(text.stdout).toMatch(
      /1,(79|80)\d train, (19|20)\d validation, 10,000 test; \[28, 28, 1\], 10 classes/,
    );
    // 784 * 16 + 16 + 16 * 10 + 10
    expect(text.stdout).toMatch(/student, seed 1 +12,730 parameters, 3 epochs/);
    const json = await place.run(["plan", spec, "--json"]);
    const plan = JSON.parse(json.stdout);
    expect(plan.name).toBe("digits");
    expect(plan.data).toBe(report.data.hash);
    expect(plan.passes).toBe(report.teacherPasses.made + report.teacherPasses.saved);
  });

  it("status shows the run, its nodes and the label log while it goes on", () => {
    expect(statusText).toMatch(/^server +nats:\/\/127\.0\.0\.1:\d+; label log/m);
    expect(statusText).toContain(report.run);
    expect(statusText).toMatch(/^ +teacher +teacher-\S+ +pid \d+/m);
    expect(statusJson.runs.map(({ run }) => run)).toEqual([report.run]);
    expect(statusJson.nodes.map(({ role }) => role)).toContain("teacher");
    expect(statusJson.nodes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          role: "teacher",
          pid: expect.any(Number),
          samplesPredicted: expect.any(Number),
          chunksLabelled: expect.any(Number),
          redeliveries: expect.any(Number),
        }),
      ]),
    );
  });

  it("the report holds what was measured, and the screen tells it", () => {
    expect(report.data.samples.test).toBe(10_000);
    expect(report.bus).toEqual({ kind: "nats" });
    expect(report.testReads).toBe(1);
    expect(report.seeds.map(({ seed }) => seed)).toEqual([1, 2]);
    expect(report.seeds.every(({ baseline }) => baseline !== null)).toBe(true);
    expect(summary).toContain(`Verdict: ${report.verdict}.`);
    expect(summary).toContain(report.student.weightsHash.slice(0, 16));
    expect(summary).toContain(place.path("out", "report.html"));
  });

  it("report.html needs nothing from elsewhere, and the logs of the roles lie beside it", () => {
    const html = readFileSync(place.path("out", "report.html"), "utf8");
    expect(html).toContain(report.run);
    expect(html).not.toMatch(/(src|href|action)\s*=\s*["']?\s*(https?:|\/\/)/i);
    expect(html).not.toMatch(/@import|url\(\s*["']?\s*(https?:|\/\/)/i);
    for (const role of ["coordinator", "student", "teacher-1"]) {
      expect(place.roleLog("out", role).length, `${role}.log`).toBeGreaterThan(0);
    }
  });

  it.skipIf(!borrowed)(
    `models from elsewhere teach together by their spec alone${borrowed ? "" : " (skipped: ../shared/models is absent)"}`,
    () => {
      for (const { name, model, accuracy } of borrowedTeachers) {
        const teacher = report.teachers.find((one) => one.name === name);
        expect(teacher?.source).toBe("loaded");
        expect(teacher?.outputWasProbabilities).toBe(model.output === "probabilities");
        expect(Math.abs((teacher?.accuracy ?? 0) - accuracy), name).toBeLessThanOrEqual(0.001);
      }
      expect(report.warnings.join()).toContain("layers gives probabilities");
      expect(report.ensemble?.bestTeacher).toBe("layers");
    },
  );

  it("doctor names the backends and the server, and --help all commands", async () => {
    const [doctor, help] = await Promise.all([place.run(["doctor"]), place.run(["--help"])]);
    expect(doctor.code, doctor.stderr).toBe(0);
    expect(doctor.stdout).toMatch(/^nats +NATS server: .*version \d+\.\d+\.\d+/m);
    for (const backend of ["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"]) {
      expect(doctor.stdout).toContain(backend);
    }
    expect(doctor.stdout.match(/^ +\* /gm)).toHaveLength(1);
    expect(help.code).toBe(0);
    for (const command of ["run", "plan", "coordinator", "teacher", "student", "status", "doctor"]) {
      expect(help.stdout).toMatch(new RegExp(`^ +${command} `, "m"));
    }
    expect(help.stdout).not.toContain("keep-server");
  });
});
