import { type FileHandle, open, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, normalize, sep } from "node:path";
import { messageOf } from "../errors.ts";
import { BadOnnxModel, parseOnnx, type TensorProto } from "./onnxProto.ts";
import { checkedElements, elementType } from "./onnxTensor.ts";
import { messageField, wireFields } from "./wireFields.ts";

/** What a message of protobuf can be, with room for the graph. */
const MOST_BYTES = 2 ** 31 - 2 ** 24;

/** Fields of ModelProto, GraphProto and TensorProto. */
const GRAPH = 7;
const INITIALIZER = 5;
const [RAW, EXTERNAL, LOCATION] = [9, 13, 14];

/** Where the numbers of a tensor are. */
interface Place {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/**
 * An ONNX model with its weights inside, of one whose weights are in files beside it.
 * @param folder of the model, which its files may not leave
 * @throws BadOnnxModel for a file elsewhere, or one that does not hold what the model declares
 */
export async function inlineExternal(bytes: Uint8Array, folder: string): Promise<Uint8Array> {
  const { graph } = parseOnnx(bytes);
  const places = graph.initializer.map(placeOf);
  if (places.every((place) => place === undefined)) return bytes;
  const total = places.reduce((sum, place) => sum + (place?.length ?? 0), bytes.length);
  if (total > MOST_BYTES) {
    throw new BadOnnxModel(
      `Cannot use the ONNX model as it has ${total} bytes with the weights beside it: at most ${MOST_BYTES} are allowed`,
      { fields: { total, most: MOST_BYTES } },
    );
  }
  const files = new Map<string, FileHandle>();
  const read: (Uint8Array | undefined)[] = [];
  try {
    for (const [i, place] of places.entries()) {
      const name = graph.initializer[i]?.name ?? "";
      read.push(place && (await readPlace(files, folder, name, place)));
    }
  } finally {
    for (const file of files.values()) await file.close();
  }
  let next = 0;
  const inlined = (tensor: Uint8Array): Uint8Array => {
    const raw = read[next++];
    if (!raw) return messageField(INITIALIZER, tensor);
    const rest = wireFields(tensor).filter(({ id }) => id !== EXTERNAL && id !== LOCATION && id !== RAW);
    return messageField(INITIALIZER, ...rest.map(({ whole }) => whole), messageField(RAW, raw));
  };
  const graphOf = (content: Uint8Array): Uint8Array =>
    messageField(
      GRAPH,
      ...wireFields(content).map(({ id, content, whole }) => (id === INITIALIZER ? inlined(content) : whole)),
    );
  return Buffer.concat(
    wireFields(bytes).map(({ id, content, whole }) => (id === GRAPH ? graphOf(content) : whole)),
  );
}

/** Of a tensor whose numbers are elsewhere; undefined: they are in the model. */
function placeOf(tensor: TensorProto): Place | undefined {
  const { name, dataType, externalData, dataLocation } = tensor;
  if (dataLocation === 0 && externalData.length === 0) return undefined;
  const value = (key: string): string | undefined => externalData.find((entry) => entry.key === key)?.value;
  const location = value("location") ?? "";
  const { size, known } = elementType(dataType);
  const expected = known && size > 0 ? checkedElements(tensor) * size : undefined;
  const length = Number(value("length") ?? expected);
  const offset = Number(value("offset") ?? 0);
  const whole = Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length >= 0;
  if (!whole || (expected !== undefined && length !== expected)) {
    throw new BadOnnxModel(
      `Cannot use the ONNX model as its tensor "${name}" is said to be ${value("length") ?? "an unknown number of"} bytes from ${value("offset") ?? 0} of "${location}": expected ${expected ?? "whole numbers"}`,
      { fields: { tensor: name, location, offset, length, expected } },
    );
  }
  return { location, offset, length };
}

async function readPlace(
  files: Map<string, FileHandle>,
  folder: string,
  tensor: string,
  { location, offset, length }: Place,
): Promise<Uint8Array> {
  const refuse = (what: string, cause?: unknown): BadOnnxModel =>
    new BadOnnxModel(
      `Cannot use the ONNX model as its tensor "${tensor}" lies outside of it, in "${location}": ${what}`,
      { fields: { tensor, location }, cause },
    );
  const path = normalize(location);
  const up = path === ".." || path.startsWith(`..${sep}`);
  if (location === "" || isAbsolute(location) || up || location.includes("\\") || location.includes("\0")) {
    throw refuse("only files in the model's own folder are read");
  }
  let file = files.get(path);
  if (!file) {
    const root = await realpath(folder);
    const real = await realpath(join(root, path)).catch((cause: unknown) => {
      throw refuse(`that cannot be read: ${messageOf(cause)}`, cause);
    });
    if (!real.startsWith(root + sep)) throw refuse("it is a link that leaves the model's own folder");
    // Before it is opened: what waits at a pipe waits for ever.
    if (!(await stat(real)).isFile()) throw refuse("that is no file");
    file = await open(real, "r");
    files.set(path, file);
  }
  const kind = await file.stat();
  if (offset + length > kind.size) {
    throw refuse(`it needs ${length} bytes from ${offset}, and the file has ${kind.size}`);
  }
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(bytes, at, length - at, offset + at);
    if (bytesRead === 0) throw refuse(`the file ended at ${offset + at} while it was read`);
    at += bytesRead;
  }
  return bytes;
}
