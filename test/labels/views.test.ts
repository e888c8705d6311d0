import { describe, expect, it } from "vitest";
import { rng } from "../../shared/determinism/rng.ts";
import { bytesPerRow, decodeRow, encodeLogits } from "../../shared/labels/encoding.ts";
import { labelMessage } from "../../shared/labels/labelMessage.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { PLAIN_VIEW } from "../../shared/protocol/identifiers.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { pack, unpack } from "../../shared/protocol/msgpack.ts";

const hash = "0123456789abcdef0123456789abcdef";
const classes = 100;
const stream = rng("views");
const logits = Float32Array.from({ length: 256 * classes }, () => 3 * stream.normal());
const message = labelMessage({
  key: { labelling: hash, shard: hash, view: PLAIN_VIEW, chunk: 0 },
  part: 0,
  rows: Uint32Array.from({ length: 256 }, (_, row) => row),
  values: logits,
  layout: { encoding: "half", classes, features: [] },
  node: "teacher-1",
  what: "it",
}).data;

describe("the labels of a message", () => {
  it("are viewed in it, not copied, and it holds little else, so that who keeps them keeps no more", () => {
    const { payload } = decode(Labels, message, "it");
    expect(payload.buffer).toBe(message.buffer);
    expect(message.buffer.byteLength).toBe(message.byteLength);
    expect(payload.byteLength).toBe(256 * 2 * classes);
    // A labelling, a shard, a view and a digest of 32 letters each, and names of fields.
    expect(message.byteLength - payload.byteLength).toBeLessThan(400);
  });

  it("are decoded from any place there as from a place that a typed array may have", () => {
    const { payload } = decode(Labels, message, "it");
    const aligned = payload.slice();
    const width = bytesPerRow("half", classes);
    for (const shift of [0, 1]) {
      const moved = new Uint8Array(payload.length + shift);
      moved.set(payload, shift);
      const [one, other] = [new Float32Array(classes), new Float32Array(classes)];
      for (const row of [0, 1, 255]) {
        decodeRow("half", aligned, row * width, classes, one, 0);
        decodeRow("half", moved, shift + row * width, classes, other, 0);
        expect(other).toEqual(one);
      }
    }
  });
});

describe("typed arrays in what Stillhouse alone reads", () => {
  it.each([Float32Array.of(1, 2, 3), Float64Array.of(0.1, -0.2), Uint32Array.of(7, 8, 9), Uint16Array.of(5)])(
    "come back aligned, as %o, and keep nothing of the message",
    (array) => {
      // Names of 0 to 8 letters put it at every place there is.
      for (let letters = 0; letters <= 8; letters++) {
        const bytes = pack({ ["n".repeat(letters)]: array, more: new Uint8Array(100_000) });
        const back = (unpack(bytes) as Record<string, typeof array>)["n".repeat(letters)] as typeof array;
        expect(back).toEqual(array);
        expect(back.byteOffset % back.BYTES_PER_ELEMENT).toBe(0);
        expect(back.buffer.byteLength).toBe(array.byteLength);
      }
    },
  );
});

describe("encoded labels", () => {
  it.each(["half", "float32", "int8"] as const)(
    "in %s are the caller's own, and no larger than they are said to be",
    (encoding) => {
      const bytes = encodeLogits(encoding, logits, classes, "it");
      expect(bytes.byteOffset).toBe(0);
      expect(bytes.buffer.byteLength).toBe(256 * bytesPerRow(encoding, classes));
    },
  );

  it("do not change with the place of the logits among others", () => {
    const among = new Float32Array(logits.length + 1);
    among.set(logits, 1);
    for (const encoding of [
      "half",
      "float32",
      "int8",
      { kind: "top-k", k: 9, temperatures: [1, 4] },
    ] as const) {
      const stored =
        typeof encoding === "string" ? encoding : { ...encoding, temperatures: [...encoding.temperatures] };
      expect(encodeLogits(stored, among.subarray(1), classes, "it")).toEqual(
        encodeLogits(stored, logits, classes, "it"),
      );
    }
  });
});
