import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { shardPermutation } from "../../shared/data/chunks.ts";
import { cutShards } from "../../shared/data/shards.ts";
import { bytesPerRow, encodeLogits } from "../../shared/labels/encoding.ts";
import { rowDraws } from "../../shared/labels/rowDraws.ts";
import { rowsDigest } from "../../shared/labels/rowsDigest.ts";
import { PLAIN_VIEW } from "../../shared/protocol/identifiers.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { Numerics } from "../../shared/protocol/numerics.ts";
import { Fault, Heartbeat } from "../../shared/protocol/presence.ts";
import type { StoredEncoding } from "../../shared/protocol/storedEncoding.ts";
import { buckets, labelsSubject, labelWorkSubject, streams } from "../../shared/protocol/subjects.ts";
import { LabelChunks } from "../../shared/protocol/work.ts";

const page = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8");

/** The words that match, each once. */
function found(pattern: RegExp): string[] {
  return [...page.matchAll(pattern)].map(([, word]) => word as string);
}

describe("docs/protocol.md gives examples that hold:", () => {
  it("the plain view", () => {
    expect(found(/the plain view, of `\{.*\}`, is `(\w+)`/g)).toEqual([PLAIN_VIEW]);
  });

  it("a shard's hash", () => {
    const [shard] = cutShards({ rows: 2, inputs: Uint8Array.of(0, 1, 2, 255), inputShape: [2] });
    expect(found(/00 01 02 ff`, which gives `(\w+)`/g)).toEqual([shard?.hash]);
  });

  it("the order of a shard's rows, and the digest of some", () => {
    const [hash] = found(/For the hash `(\w+)` and 10 rows/g);
    const order = shardPermutation(hash as string, 10);
    expect(found(/10 rows, `order` is ([\d ]+)\./g)).toEqual([[...order].join(" ")]);
    expect(found(/of rows 5 2 7 0 it is\n`(\w+)`/g)).toEqual([rowsDigest(order.slice(0, 4))]);
  });

  it("every encoding", () => {
    const hash = "0123456789abcdef0123456789abcdef";
    const draws = rowDraws({ labelling: hash, shard: hash, view: PLAIN_VIEW }, Uint32Array.of(5));
    const hex = (encoding: StoredEncoding): string =>
      Buffer.from(encodeLogits(encoding, Float32Array.of(1.5, -0.1, 0.5), 3, "", draws)).toString("hex");
    const text = page.replaceAll("\n", " ");
    for (const kind of ["half", "float32", "int8"] as const) {
      expect(text).toContain(`\`${hex(kind)}\` in \`${kind}\``);
    }
    expect(text).toContain(
      `\`${hex({ kind: "top-k", k: 2, temperatures: [1, 4] })}\` in \`top-k\` with k 2 and temperatures 1 and 4`,
    );
    expect(text).toContain(`\`${hex({ kind: "top-k", k: 2, packed: true, temperatures: [1, 4] })}\` packed`);
    expect(text).toContain(
      `\`${hex({ kind: "sampled", draws: 4, temperature: 1 })}\` in 4 draws at temperature 1`,
    );
  });

  it("the bytes of a row in every encoding", () => {
    const w = (classes: number): number => (classes <= 256 ? 1 : classes <= 65_536 ? 2 : 4);
    for (const classes of [3, 256, 257, 65_537]) {
      for (const count of [2, 300]) {
        const s = Math.min(count, classes);
        expect(bytesPerRow("half", classes)).toBe(2 * classes);
        expect(bytesPerRow("float32", classes)).toBe(4 * classes);
        expect(bytesPerRow("int8", classes)).toBe(8 + classes);
        const topK = { kind: "top-k", k: count, temperatures: [1, 2, 4] } as const;
        expect(bytesPerRow({ ...topK, temperatures: [1, 2, 4] }, classes)).toBe(s * (w(classes) + 2) + 4 * 3);
        const l = Math.max(0, Math.floor(Math.log2(classes / s)));
        const set = Math.ceil((s * l + s + Math.floor(classes / 2 ** l) + 1) / 8);
        expect(bytesPerRow({ ...topK, packed: true, temperatures: [1] }, classes)).toBe(set + 4 + s + 4);
        const sampled = { kind: "sampled", draws: count, temperature: 1 } as const;
        expect(bytesPerRow(sampled, classes)).toBe(s * (w(classes) + 4));
      }
    }
    for (const formula of ["| 2 C ", "| 4 C ", "| 8 + C ", "| s (w + 2) + 4 t ", "| s (w + 4) "]) {
      expect(page).toContain(formula);
    }
  });
});

describe("docs/protocol.md names", () => {
  it.each<[string, z.ZodObject]>([
    ["LabelChunks", LabelChunks],
    ["Labels", Labels],
    ["Numerics", Numerics],
    ["Heartbeat", Heartbeat],
    ["Fault", Fault],
  ])("every field of %s, and no other", (name, schema) => {
    const table = new RegExp(`\\| \`${name}\` *\\|.*\\n((?:\\|.*\\n)+)`).exec(page)?.[1] ?? "";
    const fields = table.split("\n").flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)]);
    expect(fields.map(([, field]) => field).sort()).toEqual(Object.keys(schema.shape).sort());
  });

  it("streams, subjects and buckets as they are", () => {
    for (const { name, filter } of Object.values(streams)) {
      expect(page).toContain(`\`${name}\``);
      expect(page).toContain(`\`${filter}\``);
    }
    const named = new Set(found(/`(stillhouse-\w+)`/g));
    for (const bucket of named) expect(Object.values(buckets)).toContain(bucket);
    for (const bucket of ["runs", "leases", "weights", "numerics", "heartbeats", "faults"] as const)
      expect(named).toContain(buckets[bucket]);
    // Capitals stand for what a key holds.
    const key = { labelling: "LABELLING", shard: "SHARD", view: "VIEW", chunk: 2048 };
    expect(page).toContain(`\`${labelWorkSubject(key).replace("2048", "CHUNK")}\``);
    expect(page).toContain(`\`${labelsSubject(key, 7).replace("2.2048.7", "BLOCK.CHUNK.PART")}\``);
  });
});
