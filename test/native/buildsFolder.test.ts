import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  buildName,
  openDraft,
  placeBuild,
  removeBuild,
  removeRest,
  sizeOf,
} from "../../cli/native/buildsFolder.ts";
import {
  BadNativeBuild,
  buildFile,
  machineName,
  type NativeBuild,
  readNativeBuild,
} from "../../shared/compute/native/nativeBuild.ts";
import { tempFolder } from "../bootstrap/tempFolder.ts";

const described = (folder: string, more: Partial<NativeBuild> = {}): NativeBuild => ({
  ...{ format: 1, kind: "cpu", folder, tensorflow: "2.21.0", tfjsNode: "4.22.0", machine: machineName },
  ...{ compiler: "c++", bytes: 3, ...more },
});

async function place(root: string, name: string, more: Partial<NativeBuild> = {}): Promise<void> {
  const draft = await openDraft(root);
  writeFileSync(join(draft, "library"), name);
  await placeBuild(root, draft, described(name, more));
}

describe("the folder of builds", () => {
  it("holds no build while one is made, and the new one alone after it", async () => {
    const root = tempFolder();
    const draft = await openDraft(root);
    expect(readNativeBuild("cpu", root)).toBeNull();
    writeFileSync(join(draft, "library"), "abc");
    expect(await sizeOf(draft)).toBe(3);
    await placeBuild(root, draft, described("cpu-1"));
    expect(readNativeBuild("cpu", root)).toMatchObject({ folder: "cpu-1", tensorflow: "2.21.0" });
    await place(root, "cpu-2");
    expect(readNativeBuild("cpu", root)?.folder).toBe("cpu-2");
    expect(readdirSync(root).sort()).toEqual(["cpu-2", "cpu.json"]);
  });

  it("holds a build for each kind, and removing one leaves the other", async () => {
    const root = tempFolder();
    await place(root, "cpu-1");
    await place(root, "gpu-1", { kind: "gpu" });
    expect(await removeBuild(root, "cpu")).toBe(true);
    expect(await removeBuild(root, "cpu")).toBe(false);
    expect(readNativeBuild("cpu", root)).toBeNull();
    expect(readdirSync(root).sort()).toEqual(["gpu-1", "gpu.json"]);
  });

  it("sweeps a draft that was left an hour ago, and no younger one", async () => {
    const root = tempFolder();
    const [old, young] = [await openDraft(root), await openDraft(root)];
    const past = Date.now() / 1000 - 3601;
    utimesSync(old, past, past);
    await openDraft(root);
    expect(readdirSync(root)).not.toContain(old.slice(root.length + 1));
    expect(readdirSync(root)).toContain(young.slice(root.length + 1));
    mkdirSync(join(root, "downloads"));
    await removeRest(root);
    expect(() => readdirSync(root)).toThrow("ENOENT");
  });

  it("refuses a build of another machine or another form, and says how to make it again", async () => {
    const root = tempFolder();
    await place(root, "cpu-1", { machine: "plan9-z80" });
    expect(() => readNativeBuild("cpu", root)).toThrow(BadNativeBuild);
    expect(() => readNativeBuild("cpu", root)).toThrow(
      `it is for plan9-z80, this machine is ${machineName}; make it again with: stillhouse native install`,
    );
    writeFileSync(buildFile("gpu", root), '{"format": 1, "folder": "../../elsewhere"}');
    expect(() => readNativeBuild("gpu", root)).toThrow("make it again with: stillhouse native install --gpu");
  });

  it("names builds by kind, version and time", () => {
    expect(buildName("gpu", "2.21.0", 36 ** 2)).toBe("gpu-2.21.0-100");
  });
});
