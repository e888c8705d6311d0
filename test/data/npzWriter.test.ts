import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { npyHead, npyText } from "../../shared/data/npyBytes.ts";
import { NpzUnwritable, NpzWriter } from "../../shared/data/npzWriter.ts";
import { bytesOf, floats, npyBytes, npyHeader } from "./npyFiles.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "stillhouse-npz-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("NpzWriter", () => {
  it("writes arrays in pieces as another writer writes them whole", async () => {
    const path = join(dir, "a.npz");
    const writer = new NpzWriter(path);
    const values = Float32Array.from({ length: 6 }, (_, i) => i / 3);
    writer.begin("logits", "<f4", [3, 2]);
    for (let row = 0; row < 3; row++) writer.write(bytesOf(values.slice(2 * row, 2 * row + 2)));
    const text = npyText("naïve 🐟");
    writer.add("meta", text.type, [1], text.bytes);
    expect(existsSync(path)).toBe(false);
    writer.finish();
    const bytes = await readFile(path);
    expect(writer.bytes).toBe(bytes.length);
    const entries = unzipSync(bytes);
    expect(Object.keys(entries)).toEqual(["logits.npy", "meta.npy"]);
    expect(entries["logits.npy"]).toEqual(new Uint8Array(floats([3, 2], values)));
    // Seven characters, the last beyond 16 bits: U+1F41F.
    const meta = entries["meta.npy"] as Uint8Array;
    expect(meta).toEqual(new Uint8Array(npyBytes(npyHeader("<U7", [1]), text.bytes)));
    expect(new DataView(meta.buffer, meta.byteOffset).getUint32(meta.length - 4, true)).toBe(0x1f41f);
  });

  it("refuses an archive of 4 GiB before it is written, and numbers that are not of its shape", () => {
    const path = join(dir, "b.npz");
    const writer = new NpzWriter(path);
    expect(() => writer.begin("logits", "<f4", [1_281_167, 1000])).toThrow(
      /Cannot write ".*b\.npz" as its array "logits" of shape \[1281167, 1000\] makes it \d+ bytes: expected at most 4294967295; float16 takes half/,
    );
    writer.abandon();
    const other = new NpzWriter(path);
    other.begin("x", "|i1", [3]);
    other.write(new Uint8Array(2));
    expect(() => other.write(new Uint8Array(2))).toThrow(/Cannot write 2 bytes more into "x": 1 are left/);
    expect(() => other.finish()).toThrow(/Cannot end "x": 1 bytes are missing/);
    other.abandon();
    expect(existsSync(path)).toBe(false);
    expect(() => new NpzWriter(join(dir, "a.npz", "c.npz"))).toThrow(NpzUnwritable);
  });

  it("begins an array as numpy does, its numbers at a multiple of 64", () => {
    for (const shape of [[1], [12345], [3, 4], [65_536, 50_257]]) {
      const head = npyHead("<f4", shape);
      expect(head.length % 64).toBe(0);
      expect(new Uint8Array(head)).toEqual(
        new Uint8Array(npyBytes(npyHeader("<f4", shape), new Uint8Array(0))),
      );
    }
  });
});
