import { describe, expect, it } from "vitest";
import { encodeModel } from "../../shared/compute/compiled/encode.ts";
import { Graph } from "../../shared/compute/compiled/graph.ts";
import { describeSignature, readOnnx } from "../../shared/model/onnxFile.ts";
import { BadOnnxModel } from "../../shared/model/onnxProto.ts";

const floats = (shape: number[]) => ({ shape, dtype: "float32" as const });

/** y = x times a weight of [2, 3]. */
function product(): Graph {
  const g = new Graph();
  const x = g.input("x", floats([-1, 2]));
  const w = g.constant([1, 2, 3, 4, 5, 6], floats([2, 3]));
  g.output("y", g.op("MatMul", [x, w], floats([-1, 3])));
  return g;
}

/** A field of the wire format: its number, wire type 2, and its bytes. */
function field(number: number, ...parts: Uint8Array[]): Uint8Array {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const whole = (number: number, value: number): Uint8Array =>
  Buffer.concat([varint(number << 3), varint(value)]);

/** The product's bytes with one more initialiser: protobuf joins a message that is given in two parts. */
function withTensor(...tensor: Uint8Array[]): Uint8Array {
  return Buffer.concat([encodeModel(product().finish()), field(7, field(5, ...tensor))]);
}

describe("readOnnx()", () => {
  it("tells inputs, outputs, parameters and operators", () => {
    const signature = readOnnx(encodeModel(product().finish()));
    expect(describeSignature(signature)).toBe('inputs "x" float [any, 2]; outputs "y" float [any, 3]');
    expect(signature.parameters).toBe(6);
    expect([...signature.operators]).toEqual([["MatMul", 1]]);
  });

  it("refuses a file that is cut off, at any length", () => {
    const bytes = encodeModel(product().finish());
    for (let length = 0; length < bytes.length; length += 7) {
      expect(() => readOnnx(bytes.subarray(0, length))).toThrow(BadOnnxModel);
    }
    expect(() => readOnnx(text("<html>not found</html>"))).toThrow(/22 bytes as an ONNX model/);
  });

  it("refuses a tensor of 10 GB that is only declared", () => {
    const declared = withTensor(
      field(1, varint(50_000), varint(50_000)),
      whole(2, 1),
      field(8, text("huge")),
    );
    expect(() => readOnnx(declared)).toThrow(
      'its tensor "huge" is declared as [50000, 50000], 2500000000 numbers',
    );
  });

  it("refuses a tensor that holds less than it declares", () => {
    const short = withTensor(
      field(1, varint(5)),
      whole(2, 1),
      field(8, text("short")),
      field(9, new Uint8Array(8)),
    );
    expect(() => readOnnx(short)).toThrow(
      'its tensor "short" is declared as float [5], 5 numbers: it holds 2',
    );
  });

  it("refuses a tensor that lies in another file", () => {
    const entry = field(13, field(1, text("location")), field(2, text("../../etc/passwd")));
    const outside = withTensor(field(1, varint(5)), whole(2, 1), field(8, text("w")), entry, whole(14, 1));
    expect(() => readOnnx(outside)).toThrow('its tensor "w" lies outside of it, in "../../etc/passwd"');
  });

  it("refuses a loop, also inside of another operator", () => {
    const loop = field(1, field(4, text("Loop")));
    const plain = Buffer.concat([encodeModel(product().finish()), field(7, loop)]);
    expect(() => readOnnx(plain)).toThrow("it has the operator Loop");
    const inner = field(1, field(4, text("If")), field(5, field(1, text("then_branch")), field(6, loop)));
    const nested = Buffer.concat([encodeModel(product().finish()), field(7, inner)]);
    expect(() => readOnnx(nested)).toThrow("it has the operator Loop");
  });

  it("refuses a model without inputs or outputs", () => {
    expect(() => readOnnx(field(7, text("")))).toThrow("0 inputs and 0 outputs");
  });
});
