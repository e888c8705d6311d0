import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSpec, parseSpec } from "../../shared/config/load.ts";
import { SpecError } from "../../shared/config/specError.ts";
import { specHash } from "../../shared/config/specHash.ts";

const good = `name: r
data: { dataset: mnist }
teachers:
  - name: t
    model: { arch: mlp, hidden: [4] }
    train: { epochs: 1 }
student:
  model: { arch: mlp, hidden: [2] }
  train: { epochs: 2 }
`;

/** The good spec with one line replaced, counted from 1. */
function withLine(line: number, text: string, more = ""): string {
  const lines = good.split("\n");
  lines[line - 1] = text;
  return lines.join("\n") + more;
}

/** The problems of a spec, one a line as the message has them. */
function problemsOf(text: string): string[] {
  try {
    parseSpec(text, "spec.yaml");
  } catch (error) {
    expect(error).toBeInstanceOf(SpecError);
    const [head, ...lines] = (error as SpecError).message.split("\n  ");
    expect(head).toMatch(/^Cannot use spec "spec.yaml": \d+ problems?$/);
    expect(lines.length).toBe((error as SpecError).problems.length);
    return lines;
  }
  return [];
}

describe("a spec file", () => {
  it("is read with its defaults, its folder and its text", async () => {
    const dir = await mkdtemp(join(tmpdir(), "stillhouse-spec-"));
    try {
      await writeFile(join(dir, "s.yaml"), good);
      const { spec, baseDir, text } = await loadSpec(join(dir, "s.yaml"));
      expect(spec.seeds).toEqual([1, 2, 3]);
      expect(spec.student.train.optimizer).toMatchObject({ kind: "adam", lr: 0.001 });
      expect(baseDir).toBe(dir);
      expect(text).toBe(good);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it("may take what several have in common from one place", () => {
    const text = good
      .replace("train: { epochs: 1 }", "train: &train { epochs: 1, batch: 7 }")
      .replace("train: { epochs: 2 }", "train: { <<: *train, epochs: 3 }");
    const { teachers, student } = parseSpec(text, "spec.yaml");
    expect(teachers[0]).toMatchObject({ train: { epochs: 1, batch: 7 } });
    expect(student.train).toMatchObject({ epochs: 3, batch: 7 });
  });

  it("that is missing is named as written and as resolved", async () => {
    await expect(loadSpec("/nowhere/./s.yaml")).rejects.toThrow(
      /Cannot use spec "\/nowhere\/.\/s.yaml".*\n.*no such file \(resolved to "\/nowhere\/s.yaml"\)/,
    );
  });

  it("has the same hash when its defaults are written out, and another when it means something else", () => {
    const hash = (text: string): string => specHash(parseSpec(text, "s"));
    expect(hash(`# a comment\n${good}seed: 0\nbaseline: true\n`)).toBe(hash(good));
    expect(hash(`${good}seed: 1\n`)).not.toBe(hash(good));
  });
});

describe("a spec that is wrong is refused, and the error", () => {
  it("gives line and column of a slip in the YAML", () => {
    expect(problemsOf(withLine(2, "data: { dataset: mnist"))[0]).toMatch(/^\(line 3\): column 1: /);
    expect(problemsOf(`${good}name: again\n`)[0]).toMatch(/^\(line 10\): column 1: Map keys must be unique/);
  });

  it("names an unknown key and the known key that is nearest", () => {
    expect(problemsOf(withLine(9, "  train: { epochs: 2, optimiser: { kind: sgd } }"))).toEqual([
      "student.train.optimiser (line 9): unknown key, expected one of epochs, batch, dropRemainder, lengthBuckets, " +
        'optimizer, schedule, clipNorm, maxNorm, keep; did you mean "optimizer"?',
    ]);
    expect(problemsOf(`${good}weather: fine\n`)[0]).toMatch(
      /^weather \(line 10\): unknown key, expected one of name/,
    );
  });

  it("names what was seen and what is expected for a wrong type", () => {
    expect(problemsOf(withLine(9, "  train: { epochs: two }"))).toEqual([
      'student.train.epochs (line 9): the text "two", expected a whole number above 0',
    ]);
    expect(problemsOf(withLine(8, "  model: { arch: mlp, hidden: [2, -1] }"))).toEqual([
      "student.model.hidden[1] (line 8): -1, expected a whole number above 0",
    ]);
    expect(problemsOf(withLine(1, "name: My Run"))[0]).toMatch(
      /"My Run", expected lower-case letters, digits/,
    );
  });

  it("names a missing key at the line of what should hold it", () => {
    expect(problemsOf(withLine(6, "    train: { batch: 4 }"))).toEqual([
      "teachers[0].train.epochs (line 6): missing, expected a whole number above 0",
    ]);
  });

  it("holds all problems, in the order of the file", () => {
    const text = withLine(
      5,
      "    model: { arch: mlp, hiden: [4] }",
      "seed: 1.5\nlabels: { encoding: haf }\n",
    );
    expect(problemsOf(text)).toEqual([
      "teachers[0].model.hidden (line 5): missing, expected a list of whole numbers above 0",
      "teachers[0].model.hiden (line 5): unknown key, expected one of arch, hidden, inputDropout, dropout; " +
        'did you mean "hidden"?',
      "seed (line 10): 1.5, expected a whole number of at least 0",
      'labels.encoding (line 11): the text "haf", expected "half" or "float32" or "int8" or a mapping of keys to values; did you mean "half"?',
    ]);
  });
});

describe("a slip in one of several alternatives is reported for the one that was meant:", () => {
  it("data by its dataset or format", () => {
    expect(problemsOf(withLine(2, "data: { format: idx, train: { inputs: a } }"))).toEqual([
      "data.train.labels (line 2): missing, expected text that is not empty",
      "data.test (line 2): missing, expected a mapping of keys to values",
    ]);
    expect(problemsOf(withLine(2, "data: { dataset: mnits }"))[0]).toMatch(
      /^data.dataset .*did you mean "mnist"/,
    );
    expect(problemsOf(withLine(2, "data: { format: csv }"))).toEqual([
      'data.format (line 2): the text "csv", expected "idx" or "npz" or "synthetic"',
    ]);
    expect(problemsOf(withLine(2, "data: { limit: 5 }"))).toEqual([
      "data (line 2): neither dataset nor format, expected one of them: " +
        'dataset: "mnist"; format: "idx" or "npz" or "synthetic"',
    ]);
    expect(problemsOf(withLine(2, "data: { dataset: mnist, format: idx }"))[0]).toMatch(
      /both dataset and format/,
    );
    expect(problemsOf(withLine(2, "data: mnist"))[0]).toMatch(
      /the text "mnist", expected a mapping with dataset/,
    );
  });

  it("a teacher by its model", () => {
    expect(problemsOf(withLine(5, "    model: { format: tfjs-layers, path: m.json }"))).toEqual([
      'teachers[0].model.output (line 5): missing, expected "logits" or "probabilities" or "sigmoids" or "values"',
      "teachers[0].train (line 6): unknown key, expected one of name, model, classes, encoding",
    ]);
    expect(problemsOf(withLine(5, "    model: { arch: mpl, hidden: [4] }"))).toEqual([
      'teachers[0].model.arch (line 5): the text "mpl", expected "mlp" or "cnn" or "separable" or "transformer"; ' +
        'did you mean "mlp"?',
    ]);
    expect(problemsOf(withLine(5, "    modle: { arch: mlp, hidden: [4] }"))).toEqual([
      "teachers[0].model (line 4): missing, expected one of them: " +
        'arch: "mlp" or "cnn" or "separable" or "transformer"; format: "onnx" or "tfjs-layers" or "tfjs-graph" or "saved-model"',
      'teachers[0].modle (line 5): unknown key, expected one of name, model, train, classes, crossFit, atLeast, features, quantise, encoding, labels, student; did you mean "model"?',
    ]);
  });

  it("a teacher that is labels alone, by the key that no other has", () => {
    const labels = (text: string): string[] =>
      problemsOf(withLine(5, `    labels: ${text}`).replace("    train: { epochs: 1 }\n", ""));
    expect(labels("{ path: a.npz }")).toEqual([]);
    expect(labels(`{ identity: "${"0f".repeat(16)}" }`)).toEqual([]);
    expect(labels("{ path: a.npz, outptu: logits }")).toEqual([
      "teachers[0].labels.outptu (line 5): unknown key, expected one of path, output, ids, probabilityFloor, columns; " +
        'did you mean "output"?',
    ]);
    expect(labels("{ identity: abc }")).toEqual([
      'teachers[0].labels.identity (line 5): the text "abc", expected 32 hexadecimal digits',
    ]);
    expect(labels("{ path: a.npz, identity: abc }")).toEqual([
      "teachers[0].labels (line 5): both path and identity, expected one of them",
    ]);
    expect(labels("{ file: a.npz }")).toEqual([
      "teachers[0].labels (line 5): neither path nor identity, expected one of them",
      expect.stringContaining("teachers[0].labels.file (line 5): unknown key"),
    ]);
  });

  it("an optimizer by its kind, a dropout by its type", () => {
    expect(problemsOf(withLine(6, "    train: { epochs: 1, optimizer: { kind: adm } }"))).toEqual([
      'teachers[0].train.optimizer.kind (line 6): the text "adm", expected "sgd" or "adam" or "adamw"; ' +
        'did you mean "adam"?',
    ]);
    expect(
      problemsOf(withLine(6, "    train: { epochs: 1, optimizer: { kind: adam, momentum: 0.9 } }"))[0],
    ).toMatch(
      /^teachers\[0\].train.optimizer.momentum \(line 6\): unknown key, expected one of kind, lr, beta1/,
    );
    expect(problemsOf(withLine(5, "    model: { arch: mlp, hidden: [4], dropout: [1.5] }"))).toEqual([
      "teachers[0].model.dropout[0] (line 5): 1.5, expected a number of at least 0 and below 1",
    ]);
  });
});

describe("keys that do not fit each other are refused, both named:", () => {
  const one = (text: string): string => {
    const problems = problemsOf(text);
    expect(problems.length).toBe(1);
    return problems[0] ?? "";
  };

  it("weights and teachers", () => {
    expect(one(`${good}ensemble: { weights: [1, 2] }\n`)).toBe(
      "ensemble.weights (line 10): a list of 2, and teachers has 1; expected one weight a teacher",
    );
  });

  it("names and seeds that repeat", () => {
    const second = "student:\n";
    const twice = good.replace(
      second,
      `  - { name: t, model: { arch: mlp, hidden: [] }, train: { epochs: 1 } }\n${second}`,
    );
    expect(one(twice)).toBe('teachers[1].name (line 7): "t" again, as in teachers[0].name; expected another');
    expect(one(`${good}seeds: [4, 5, 4]\n`)).toBe(
      "seeds[2] (line 10): 4 again, as in seeds[0]; expected another",
    );
  });

  it("dropout and hidden layers", () => {
    expect(one(withLine(8, "  model: { arch: mlp, hidden: [2, 2], dropout: [0.5] }"))).toBe(
      "student.model.dropout (line 8): a list of 1, and student.model.hidden has 2 layers; expected one share a layer",
    );
  });

  it("warm-up, drops and epochs", () => {
    // 60,000 samples of MNIST in batches of 128 make 469 steps an epoch.
    expect(one(withLine(9, "  train: { epochs: 2, schedule: { kind: cosine, warmupSteps: 938 } }"))).toMatch(
      /^student.train.schedule.warmupSteps \(line 9\): 938, and student.train.epochs 2 makes at most 938 steps/,
    );
    expect(one(withLine(9, "  train: { epochs: 2, schedule: { kind: step, epochs: [1, 2] } }"))).toMatch(
      /^student.train.schedule.epochs\[1\] \(line 9\): 2, and student.train.epochs 2 ends before it/,
    );
  });

  it("labelled, limit and the size of the dataset", () => {
    expect(one(withLine(2, "data: { dataset: mnist, limit: 100, labelled: 100 }"))).toMatch(
      /^data.labelled \(line 2\): 100, expected less than the 100 of data.limit/,
    );
    expect(one(withLine(2, "data: { dataset: mnist, limit: 60001 }"))).toMatch(
      /at most the 60000 of data.dataset mnist/,
    );
  });

  it("convolutions and data without images", () => {
    const on = (model: string): string =>
      one(withLine(2, "data: { format: synthetic }").replace("{ arch: mlp, hidden: [2] }", model));
    expect(on("{ arch: cnn, channels: [4] }")).toMatch(
      /^student.model.arch \(line 8\): "cnn" takes images, and data.format "synthetic"/,
    );
    expect(on("{ arch: separable, blocks: [{ channels: 4 }] }")).toMatch(
      /^student.model.arch \(line 8\): "separable" takes images, and data.format "synthetic"/,
    );
  });

  it("transformers and data without tokens", () => {
    const model = "  model: { arch: transformer, vocabulary: 9 }";
    expect(one(withLine(8, model))).toBe(
      'student.model.arch (line 8): "transformer" takes token ids, and data.dataset "mnist" gives images',
    );
  });

  it("width and heads", () => {
    const idx = "{ inputs: a, labels: b }";
    const text = withLine(2, `data: { format: idx, train: ${idx}, test: ${idx} }`).replace(
      "{ arch: mlp, hidden: [2] }",
      "{ arch: transformer, vocabulary: 9, width: 10 }",
    );
    expect(one(text)).toBe(
      "student.model.heads (line 8): 4, and student.model.width is 10; expected a divisor of it",
    );
  });
});

describe("keys of Hinton's protocol that do not fit are refused:", () => {
  const one = (text: string): string => problemsOf(text).join("\n");
  const shifted = (text: string): string =>
    text.replace("train: { epochs: 1", "train: { epochs: 1, augment: { shift: 2 }");

  it("a bound on incoming weights, and an update in the graph", () => {
    const bound = withLine(9, "  train: { epochs: 2, maxNorm: 3 }");
    expect(problemsOf(bound)).toEqual([]);
    expect(one(`${bound}compute: { update: in-graph }\n`)).toBe(
      'student.train.maxNorm (line 9): given, and compute.update "in-graph" has no step for it; expected none, or compute.update "in-place"',
    );
  });

  it("shifts, and data or models without images", () => {
    expect(problemsOf(shifted(good))).toEqual([]);
    expect(one(shifted(withLine(2, "data: { format: synthetic }")))).toMatch(
      /^teachers\[0\].train.augment \(line 6\): given, and data.format "synthetic" gives lists of numbers/,
    );
    const idx = "{ inputs: a, labels: b }";
    const tokens = shifted(withLine(2, `data: { format: idx, train: ${idx}, test: ${idx} }`)).replace(
      "{ arch: mlp, hidden: [4] }",
      "{ arch: transformer, vocabulary: 9 }",
    );
    expect(one(tokens)).toMatch(
      /^teachers\[0\].train.augment .*teachers\[0\].model.arch "transformer" takes token ids, no images/,
    );
    // Students learn from labels of samples as they are.
    expect(one(withLine(9, "  train: { epochs: 2, augment: { shift: 2 } }"))).toMatch(/augment.*unknown key/);
  });

  it("classes that repeat or that there are not, and classes that are hidden", () => {
    expect(one(withLine(2, "data: { dataset: mnist, transfer: { without: [3, 10, 3] } }"))).toBe(
      [
        "data.transfer.without[2] (line 2): 3 again, as in data.transfer.without[0]; expected another",
        'data.transfer.without[1] (line 2): 10, expected a class below the 10 of data.dataset "mnist"',
      ].join("\n"),
    );
    expect(one(`${good}  correctBias: [12]\n`)).toMatch(
      /^student.correctBias\[0\].*: 12, expected a class below/,
    );
    expect(one(withLine(2, "data: { dataset: mnist, labelled: 100, transfer: { without: [3] } }"))).toMatch(
      /^data.transfer.without.*: given beside data.labelled/,
    );
  });
});

describe("what a student minimises", () => {
  const distilling = (text: string): string[] => problemsOf(`${good}distill: ${text}\n`);

  it.each([
    ["{ terms: [{ kind: kl }], loss: { kind: kd } }", /distill.terms.*: given beside distill.loss/],
    ["{}", /distill.*: it has neither loss nor terms/],
    ["{ terms: [{ kind: kl, teacher: t2 }] }", /distill.terms\[0\].teacher.*: "t2", expected one of \[t\]/],
    ["{ terms: [{ kind: kl, temperatur: 3 }] }", /distill.terms\[0\].*temperatur/],
    ["{ terms: [{ kind: cross-entropy, cooling: { to: 1, epochs: 2 } }] }", /distill.terms\[0\].*cooling/],
  ])("is refused as %s", (text, problem) => {
    expect(distilling(text).join("\n")).toMatch(problem);
  });

  it("is one of the losses by name, or terms, which have their papers' defaults", () => {
    expect(distilling("{ loss: { kind: dkd } }")).toEqual([]);
    const spec = parseSpec(
      `${good}distill: { terms: [{ kind: dkd, weight: 2 }, { kind: cross-entropy }] }\n`,
      "s",
    );
    expect(spec.distill.terms).toMatchObject([
      { kind: "dkd", alpha: 1, beta: 8, temperature: 4, weight: 2, warmupEpochs: 0 },
      { kind: "cross-entropy", smoothing: 0, weight: 1 },
    ]);
  });

  it("compares logits without their mean only where logits are known", () => {
    const two = good.replace(
      "student:",
      "  - name: u\n    model: { arch: mlp, hidden: [4] }\n    train: { epochs: 1 }\nstudent:",
    );
    const mse = "distill: { loss: { kind: logit-mse, centred: false } }\n";
    expect(problemsOf(two + mse).join()).toMatch(/distill.loss.centred.*: false, .* expected true/);
    expect(problemsOf(good + mse)).toEqual([]);
    expect(problemsOf(`${two}${mse}ensemble: { rule: geometric }\n`)).toEqual([]);
  });

  it("a quorum is of the teachers that there are, and has no terms that look inside them", () => {
    const quorum = "ensemble: { quorum: { teachers: 2 } }\n";
    expect(problemsOf(good + quorum).join()).toMatch(
      /ensemble.quorum.teachers.*: 2, and teachers has 1; expected at most these/,
    );
    expect(problemsOf(`${good}ensemble: { quorum: { teachers: 1 } }\n`)).toEqual([]);
    const term = "distill: { terms: [{ kind: fitnets, feature: f, layer: dense_1 }, { kind: kl }] }\n";
    expect(problemsOf(`${good}${term}ensemble: { quorum: { teachers: 1 } }\n`).join()).toMatch(
      /distill.terms\[0\].kind.*"fitnets" learns from one teacher's features or answers/,
    );
  });

  it("teachers that know a part of the classes have rules and losses of their own", () => {
    const part = good.replace("train: { epochs: 1 }", "train: { epochs: 1 }\n    classes: [0, 1, 1]");
    expect(part).not.toBe(good);
    expect(problemsOf(part).join()).toMatch(/teachers\[0\].classes\[2\].*: 1 again/);
    expect(problemsOf(part).join()).toMatch(
      /ensemble.rule.*: "arithmetic", and teacher "t" knows classes \[0, 1, 1\] alone; expected "own-classes" or "bridge"/,
    );
    const two = good.replace("train: { epochs: 1 }", "train: { epochs: 1 }\n    classes: [0, 1]");
    expect(problemsOf(`${two}ensemble: { rule: own-classes }\n`)).toEqual([]);
    expect(
      problemsOf(`${two}ensemble: { rule: own-classes }\ndistill: { loss: { kind: dkd } }\n`).join(),
    ).toMatch(/distill.loss.kind.*: "dkd", and ensemble.rule "own-classes" .* expected kl/);
    const named = "distill: { terms: [{ kind: jsd, teacher: t }] }\n";
    expect(problemsOf(`${two}ensemble: { rule: bridge }\n${named}`).join()).toMatch(
      /"jsd", and its teacher "t" knows a part of the classes; expected "kl"/,
    );
    expect(problemsOf(`${two}ensemble: { rule: bridge, quorum: { teachers: 1 } }\n`).join()).toMatch(
      /"bridge", which joins all teachers, and ensemble.quorum goes on without some/,
    );
  });
});
