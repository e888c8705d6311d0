import type { TailHandling } from "../../shared/labels/reading.ts";
import type { StoredEncoding } from "../../shared/protocol/storedEncoding.ts";

/** An encoding as it is measured, and what it is held against. */
export interface EncodingCase {
  readonly name: string;
  readonly encoding: StoredEncoding;
  readonly tail: TailHandling;
  /** MB/s of dense float32 that encoding and decoding must each reach on one core. */
  readonly limit: number | null;
}

const temperatures = [1, 2, 4];

/** The encodings that are measured with so many classes. */
export function encodingCases(classes: number): EncodingCase[] {
  const topK = (k: number, tail: TailHandling, at = temperatures): EncodingCase => ({
    name: `top-${k} at T = ${at.join(", ")}, ${tail}`,
    encoding: { kind: "top-k", k, temperatures: at },
    tail,
    limit: classes === 1000 ? 200 : null,
  });
  const packed = (k: number, at: number[]): EncodingCase => ({
    name: `top-${k} packed at T = ${at.join(", ")}, uniform`,
    encoding: { kind: "top-k", k, packed: true, temperatures: at },
    tail: "uniform",
    limit: classes === 1000 ? 200 : null,
  });
  const dense = (["half", "float32", "int8"] as const).map(
    (encoding): EncodingCase => ({
      name: encoding,
      encoding,
      tail: "uniform",
      limit: encoding === "half" ? 500 : null,
    }),
  );
  const sampled: EncodingCase = {
    name: "50 draws at T = 1",
    encoding: { kind: "sampled", draws: 50, temperature: 1 },
    tail: "uniform",
    limit: null,
  };
  const [few, more] = classes === 10 ? [3, 5] : classes === 1000 ? [47, 100] : [100, 128];
  const oneTail = classes === 1000 ? [topK(49, "uniform", [1])] : [];
  const inBits: Record<number, EncodingCase[]> = {
    // 200 bytes.
    1000: [packed(112, temperatures)],
    // 254 bytes, and 299.
    50257: [packed(100, temperatures), packed(125, [1])],
  };
  return [
    ...dense,
    topK(few, "uniform"),
    topK(few, "ghost"),
    topK(few, "renormalised"),
    ...oneTail,
    topK(more, "uniform"),
    ...(inBits[classes] ?? []),
    sampled,
  ];
}

/** What others say of their own, for a sample. */
export const published = [
  { name: "TinyViT, top-100 (published)", bytes: 404 },
  { name: "DistillKit, top-128 (published)", bytes: 300 },
] as const;
