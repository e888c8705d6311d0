import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256 } from "../../shared/determinism/hash.ts";
import { ModelUnreadable } from "../../shared/model/fileBundle.ts";
import { readModelFile } from "../../shared/model/modelFile.ts";
import { describeSignature } from "../../shared/model/onnxFile.ts";
import { unpackSavedModel, withFolder } from "../../shared/model/savedModelBundle.ts";
import { BadSavedModel, readSavedModel } from "../../shared/model/savedModelFile.ts";
import { pack } from "../../shared/protocol/msgpack.ts";
import { SavedModel, smallSavedModel, writeSavedModel } from "../helpers/savedModel.ts";

describe("readSavedModel()", () => {
  it("tells inputs, outputs, parameters and operators", () => {
    const seen = readSavedModel(smallSavedModel());
    expect(describeSignature(seen)).toBe(
      'inputs "image" float [any, 3]; outputs "scores" float [any, 2], "shares" float [any, 2]',
    );
    expect(seen).toMatchObject({ parameters: 8, signature: "serving_default", tags: ["serve"] });
    expect(seen.operators.get("Const")).toBe(2);
  });

  it("refuses a file that is cut off or another", () => {
    const bytes = smallSavedModel();
    for (let length = 0; length < bytes.length; length += 7) {
      expect(() => readSavedModel(bytes.subarray(0, length))).toThrow(BadSavedModel);
    }
    expect(() => readSavedModel(new TextEncoder().encode("<html>"))).toThrow(/6 bytes as a saved_model.pb/);
  });

  it("takes the only signature, and refuses to choose another graph than that to be served", () => {
    const g = new SavedModel();
    g.placeholder("x", [-1, 2]);
    const ends = { x: { tensor: "x:0", sizes: [-1, 2] } };
    expect(readSavedModel(g.bytes(ends, ends, "predict")).signature).toBe("predict");
    expect(() => readSavedModel(g.bytes(ends, ends, "__saved_model_init_op"))).toThrow(
      'has none called "serving_default" and 0 others',
    );
    expect(() => readSavedModel(g.bytes(ends, ends, "predict", ["train"]))).toThrow(
      'none of its graphs is tagged "serve" alone: there are [train]',
    );
  });
});

describe("a SavedModel's folder", () => {
  let place: string;
  let folder: string;
  beforeEach(async () => {
    place = await mkdtemp(join(tmpdir(), "stillhouse-test-"));
    folder = join(place, "model");
    await writeSavedModel(folder, smallSavedModel());
    await writeFile(join(folder, "variables", "variables.index"), "index");
    await mkdir(join(folder, "assets", "words"));
    await writeFile(join(folder, "assets", "words", "a.txt"), "one");
    await writeFile(join(folder, "fingerprint.pb"), "of no use");
  });
  afterEach(() => rm(place, { recursive: true, force: true }));
  const read = () => readModelFile("saved-model", folder, "model");

  it("is one object: its graph, variables and assets, and the same bytes each time", async () => {
    const { bytes, parameters } = await read();
    expect(parameters).toBe(8);
    expect(sha256((await read()).bytes)).toBe(sha256(bytes));
    const { files } = unpackSavedModel(bytes);
    expect(files.map(({ name }) => name)).toEqual([
      "assets/words/a.txt",
      "saved_model.pb",
      "variables/variables.index",
    ]);
    const seen = await withFolder({ type: "saved-model-files", files }, (written) =>
      readModelFile("saved-model", written, "written"),
    );
    expect(sha256(seen.bytes)).toBe(sha256(bytes));
  });

  it("may link inside, and is refused with a link that leaves it", async () => {
    await symlink(join(folder, "assets", "words", "a.txt"), join(folder, "assets", "again.txt"));
    expect(unpackSavedModel((await read()).bytes).files).toHaveLength(4);
    await writeFile(join(place, "secret"), "outside");
    await symlink(join(place, "secret"), join(folder, "assets", "secret"));
    await expect(read()).rejects.toThrow('its "assets/secret" leads out of its folder, to ../secret');
    await rm(join(folder, "assets", "secret"));
    await symlink(place, join(folder, "variables", "up"));
    await expect(read()).rejects.toThrow(ModelUnreadable);
  });

  it("is refused with its graph behind a link that leaves it", async () => {
    await rm(join(folder, "saved_model.pb"));
    await writeFile(join(place, "other.pb"), smallSavedModel());
    await symlink(join(place, "other.pb"), join(folder, "saved_model.pb"));
    await expect(read()).rejects.toThrow('its "saved_model.pb" leads out of its folder');
  });

  it("is refused without a graph, or where it is too large to be read", async () => {
    await truncate(join(folder, "variables", "variables.index"), 2 ** 31);
    await expect(read()).rejects.toThrow(
      /its files are 21\d{8} bytes together: at most 2147483648 are allowed/,
    );
    await rm(join(folder, "saved_model.pb"));
    await expect(read()).rejects.toThrow(/Cannot load model "model" as .* holds no saved_model.pb/);
  });

  it.each(["../a", "/a", "a/../../b", "a/..", "", "a//b", "a\\b"])(
    "never unpacks a file called %j",
    (name) => {
      const bundle = pack({ type: "saved-model-files", files: [{ name, bytes: new Uint8Array(1) }] });
      expect(() => unpackSavedModel(bundle)).toThrow(ModelUnreadable);
    },
  );
});
