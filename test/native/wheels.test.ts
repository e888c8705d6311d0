import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { downloadCuda } from "../../cli/native/cudaWheels.ts";
import { findPython, type Python } from "../../cli/native/findPython.ts";
import { unpackWheel } from "../../cli/native/unpackWheel.ts";
import { downloadWheel } from "../../cli/native/wheels.ts";
import { tempFolder } from "../bootstrap/tempFolder.ts";

const python: Python | null = await findPython(undefined).catch(() => null);
const { signal } = new AbortController();

/** A wheel with these files. */
function wheel(folder: string, file: string, files: Record<string, string>): string {
  const path = join(folder, file);
  const script =
    "import json, sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w') as z:\n for n, t in json.loads(sys.argv[2]).items(): z.writestr(n, t)";
  execFileSync(python?.command ?? "", ["-c", script, path, JSON.stringify(files)]);
  return path;
}

const named = (name: string, version: string, more = ""): Record<string, string> => ({
  [`${name}-${version}.dist-info/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n${more}`,
  [`${name}-${version}.dist-info/WHEEL`]: "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n",
});

/** pip looks in this folder alone. */
function onlyFrom(folder: string): void {
  vi.stubEnv("PIP_NO_INDEX", "1");
  vi.stubEnv("PIP_FIND_LINKS", pathToFileURL(folder).href);
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.skipIf(python === null)(
  `wheels${python === null ? " (skipped: there is no Python with pip)" : ""}`,
  () => {
    const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
    const here = python as Python;

    it("one for another Python than this machine's is taken, in the version that was asked for", async () => {
      const [index, downloads] = [tempFolder(), tempFolder()];
      const file = (version: string, tag: string) =>
        `thing-${version}-${tag}-${tag}-manylinux_2_27_${arch}.whl`;
      wheel(index, file("1.0", "cp312"), named("thing", "1.0"));
      wheel(index, file("2.0", "cp312"), named("thing", "2.0"));
      onlyFrom(index);
      const path = await downloadWheel("thing==1.0", downloads, here, signal);
      expect(path).toMatch(/thing-1\.0-cp312-/);
      expect(existsSync(path)).toBe(true);
      await expect(downloadWheel("thing==3.0", downloads, here, signal)).rejects.toThrow(
        /Cannot download thing==3\.0: .*No matching distribution found/s,
      );
    });

    it("only what is asked for is unpacked", async () => {
      const [folder, target] = [tempFolder(), tempFolder()];
      const path = wheel(folder, "thing.whl", {
        "thing/lib.so.2": "library",
        "thing/include/a/b.h": "header",
        "thing/include/a/b.cc": "source",
        "thing/code.py": "code",
      });
      await unpackWheel(path, target, ["thing/lib.so.2", "thing/include/*.h"], here, signal);
      expect(readFileSync(join(target, "thing/lib.so.2"), "utf8")).toBe("library");
      expect(readdirSync(target, { recursive: true }).sort()).toEqual(
        ["thing", "thing/include", "thing/include/a", "thing/include/a/b.h", "thing/lib.so.2"].sort(),
      );
    });

    it("a name that leads out of the folder is refused", async () => {
      const folder = tempFolder();
      const target = join(folder, "target");
      mkdirSync(target);
      const path = wheel(folder, "thing.whl", { "../outside.h": "x" });
      await expect(unpackWheel(path, target, ["*.h"], here, signal)).rejects.toThrow(
        "leads out of the folder",
      );
      expect(existsSync(join(folder, "outside.h"))).toBe(false);
    });

    it("CUDA's are those that TensorFlow's wheel names for it", async () => {
      const [index, downloads] = [tempFolder(), tempFolder()];
      const tensorflow = wheel(index, "tensorflow.whl", {
        ...named(
          "tensorflow",
          "9.0",
          [
            "Requires-Dist: numpy>=1.26.0",
            'Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"',
            'Requires-Dist: other>=1; extra == "else"\n',
          ].join("\n"),
        ),
      });
      for (const version of ["11.0", "12.6", "13.1"]) {
        const file = `nvidia_cublas_cu12-${version}-py3-none-manylinux_2_27_${arch}.whl`;
        wheel(index, file, named("nvidia_cublas_cu12", version));
      }
      onlyFrom(index);
      const said: string[] = [];
      const wheels = await downloadCuda(tensorflow, downloads, here, {
        signal,
        say: (line) => said.push(line),
      });
      expect(wheels).toHaveLength(1);
      expect(wheels[0]).toMatch(/nvidia_cublas_cu12-12\.6-/);
      expect(said).toEqual(["downloading nvidia-cublas-cu12<13.0,>=12.5.3.2, CUDA 1 of 1"]);

      const without = wheel(index, "plain.whl", named("tensorflow", "9.1"));
      await expect(downloadCuda(without, downloads, here, { signal, say: () => {} })).rejects.toThrow(
        "it names no packages for it",
      );
    });
  },
);
