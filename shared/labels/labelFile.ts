import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { LabelFileSpec } from "../config/labelFileSpec.ts";
import { isNpy, type NpyArray, parseNpy } from "../data/npy.ts";
import { isZip, readNpz } from "../data/npz.ts";
import { messageOf, StillhouseError } from "../errors.ts";

/** A file of labels that cannot be read, or does not hold labels. */
export class BadLabelFile extends StillhouseError {}

/** The numbers of a file of labels, before they are held against any data. */
export interface LabelFile {
  /** As written in the spec, for errors. */
  readonly file: string;
  /** Of all its files. */
  readonly bytes: number;
  readonly output: NonNullable<LabelFileSpec["output"]>;
  readonly rows: number;
  readonly columns: number;
  /** Row-major: of row r and column c the number at r columns + c. */
  at(place: number): number;
  /** The sample of each row; null: they follow the order of the data. */
  readonly ids: NpyArray | null;
}

/**
 * Reads labels that were made elsewhere.
 * - NPZ: `logits`, `probabilities`, `sigmoids` or `values` [rows, classes], and `ids` [rows] where the rows do not follow the data's
 *   order; a `view` that is not 0 says that they are not of the samples themselves.
 * - NPY: [rows, classes]; the spec says what they are, and may name a second file of ids.
 * @param baseDir folder to which the spec's paths are relative
 * @throws BadLabelFile, NpyError, NpzError
 */
export async function readLabelFile(spec: LabelFileSpec, baseDir: string): Promise<LabelFile> {
  const bytes = await readWhole(spec.path, baseDir);
  const { values, output, ids } = isZip(bytes) ? ofNpz(bytes, spec) : ofNpy(bytes, spec);
  const idBytes = spec.ids === undefined ? undefined : await readWhole(spec.ids, baseDir);
  const given = idBytes ? parseNpy(idBytes, spec.ids as string) : ids;
  const [rows = 0, columns = 0, ...more] = values.shape;
  if (values.kind !== "float" || values.shape.length !== 2 || more.length > 0 || rows === 0) {
    throw bad(
      spec.path,
      `its ${output} are ${values.kind}s of shape [${values.shape.join(", ")}]; expected floats of shape [samples, classes]`,
    );
  }
  if (given && (given.kind !== "integer" || given.shape.length !== 1 || given.shape[0] !== rows)) {
    throw bad(
      spec.path,
      `its ids are ${given.kind}s of shape [${given.shape.join(", ")}]; expected integers of shape [${rows}], one for each row of its ${output}`,
    );
  }
  const size = bytes.byteLength + (idBytes?.byteLength ?? 0);
  return { file: spec.path, bytes: size, output, rows, columns, at: (place) => values.at(place), ids: given };
}

const outputs = ["logits", "probabilities", "sigmoids", "values"] as const;

interface Found {
  values: NpyArray;
  output: LabelFile["output"];
  ids: NpyArray | null;
}

function ofNpy(bytes: Uint8Array, { path, output }: LabelFileSpec): Found {
  if (!isNpy(bytes)) {
    throw bad(
      path,
      "it starts as neither an NPY nor an NPZ file; expected what numpy.save or numpy.savez writes",
    );
  }
  if (!output) {
    throw bad(
      path,
      'an NPY file does not say what its numbers are; set output to "logits", "probabilities", "sigmoids" or "values", or name the array in an NPZ file',
    );
  }
  return { values: parseNpy(bytes, path), output, ids: null };
}

function ofNpz(bytes: Uint8Array, { path, output, ids: idFile }: LabelFileSpec): Found {
  const arrays = readNpz(bytes, path, ["ids", "view", ...outputs]);
  const view = arrays.get("view")?.at(0) ?? 0;
  if (view !== 0) {
    throw bad(
      path,
      `its labels are of view ${view}, samples that were changed; expected those of the samples themselves, view 0`,
    );
  }
  const there = outputs.filter((name) => arrays.has(name));
  const chosen = output ?? (there.length === 1 ? there[0] : undefined);
  const values = chosen && arrays.get(chosen);
  if (!values) {
    const seen = there.length === 0 ? `none of [${outputs.join(", ")}]` : there.join(" and ");
    const expected = output
      ? `an array named ${output}, as the spec's output says`
      : "one of them, or an output in the spec that tells which";
    throw bad(path, `it holds ${seen}; expected ${expected}`);
  }
  const ids = arrays.get("ids") ?? null;
  if (ids && idFile !== undefined) {
    throw bad(path, `it holds ids, and the spec names ids in "${idFile}" too; expected one of them`);
  }
  return { values, output: chosen, ids };
}

async function readWhole(written: string, baseDir: string): Promise<Uint8Array> {
  const path = resolve(baseDir, written);
  try {
    return await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why =
      code === "ENOENT"
        ? "there is no such file; paths in a spec are relative to the spec file"
        : code === "ERR_FS_FILE_TOO_LARGE"
          ? "it has more than 2 GiB; float16 takes half of float32"
          : messageOf(cause);
    throw new BadLabelFile(`Cannot read labels "${written}" (resolved to "${path}"): ${why}`, {
      fields: { written, path },
      cause,
    });
  }
}

function bad(file: string, why: string): BadLabelFile {
  return new BadLabelFile(`Cannot use the labels of "${file}": ${why}`, { fields: { file } });
}
