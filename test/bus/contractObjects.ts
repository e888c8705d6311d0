import { describe, expect, it } from "vitest";
import { InvalidName, NameTaken } from "../../shared/bus/errors.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { bytes, type Harness } from "./contract.ts";

export function objectsContract(h: Harness): void {
  describe("an object bucket", () => {
    it("returns the bytes that were stored, of any size", async () => {
      const objects = await h.finish(h.one.objects(h.fresh("objects")));
      const random = rng(1, "object");
      for (const size of [0, 1, 262_144, 262_145, 5_000_003]) {
        const data = new Uint8Array(size).map(() => random.uint32());
        await h.finish(objects.put(`size-${size}`, data));
        const back = await h.finish(objects.get(`size-${size}`));
        expect(back?.length).toBe(size);
        expect(Buffer.compare(back as Uint8Array, data)).toBe(0);
        expect(back?.buffer.byteLength).toBe(size);
      }
      expect(await h.finish(objects.get("none"))).toBeUndefined();
    });

    it("stores the same again as a no-op, also from many at once, and refuses other bytes under a name", async () => {
      const bucket = h.fresh("objects");
      const objects = await h.finish(h.one.objects(bucket));
      const other = await h.finish(h.two.objects(bucket));
      const data = new Uint8Array(600_000).fill(5);
      await h.finish(Promise.all([objects, other, objects, other].map((o) => o.put("weights", data))));
      await h.finish(other.put("weights", data));
      await expect(h.finish(objects.put("weights", bytes(1)))).rejects.toThrow(NameTaken);
      expect(Buffer.compare((await h.finish(other.get("weights"))) as Uint8Array, data)).toBe(0);
      expect(await h.finish(objects.names())).toEqual(["weights"]);
    });

    it("deletes, lists what is left, and stores a deleted name anew", async () => {
      const objects = await h.finish(h.one.objects(h.fresh("objects")));
      expect(await h.finish(objects.names())).toEqual([]);
      await h.finish(objects.put("a/b.bin", bytes(1)));
      await h.finish(objects.put("c", bytes(2)));
      await h.finish(objects.delete("a/b.bin"));
      await h.finish(objects.delete("a/b.bin"));
      expect(await h.finish(objects.names())).toEqual(["c"]);
      expect(await h.finish(objects.get("a/b.bin"))).toBeUndefined();
      await h.finish(objects.put("a/b.bin", bytes(3)));
      expect(await h.finish(objects.get("a/b.bin"))).toEqual(bytes(3));
    });

    it("refuses names that it cannot carry", async () => {
      const objects = await h.finish(h.one.objects(h.fresh("objects")));
      await expect(h.finish(objects.put("", bytes(1)))).rejects.toThrow(InvalidName);
      await expect(h.finish(objects.get("a b"))).rejects.toThrow('Cannot use "a b" as an object: expected');
      await expect(h.finish(h.one.objects("a.b"))).rejects.toThrow(InvalidName);
    });
  });
}
