import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bindingSources } from "../../cli/native/bindingSources.ts";
import { findCompiler } from "../../cli/native/compiler.ts";
import { findPython } from "../../cli/native/findPython.ts";
import { NativeInstallFailed, runTool } from "../../cli/native/tool.ts";
import { tensorflowPackage } from "../../cli/native/wheels.ts";
import { tempFolder } from "../bootstrap/tempFolder.ts";

/** A program that says `text` and ends with `code`. */
function program(text: string, code: number): string {
  const path = join(tempFolder(), "program");
  writeFileSync(path, `#!/bin/sh\necho '${text}'\nexit ${code}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("what an installation needs", () => {
  it("a Python without pip is refused, with what it said and what to install", async () => {
    const python = program("No module named pip", 1);
    await expect(findPython(python)).rejects.toThrow(NativeInstallFailed);
    await expect(findPython(python)).rejects.toThrow(
      /No module named pip.*apt install python3-pip.*--python/s,
    );
    await expect(findPython("no-such-python")).rejects.toThrow("no-such-python does not start");
  });

  it("a missing compiler is refused, with what to install", async () => {
    await expect(findCompiler({ CXX: "no-such-compiler" })).rejects.toThrow(
      /without a C\+\+ compiler.*no-such-compiler.*apt install g\+\+.*name it in CXX/s,
    );
    const command = program("cc 1.0", 0);
    expect(await findCompiler({ CXX: command })).toEqual({ command, version: "cc 1.0" });
  });

  it("the sources of another version of the binding are refused, and the known ones made safe for threads", async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, "binding"));
    const path = join(folder, "binding", "tfjs_backend.cc");
    writeFileSync(path, "int main() {}");
    await expect(bindingSources(folder)).rejects.toThrow("safe for worker threads");
  });

  it("TensorFlow's package for the CPU is smaller on x64 alone", () => {
    expect(tensorflowPackage("cpu", "x64")).toBe("tensorflow-cpu");
    expect(tensorflowPackage("cpu", "arm64")).toBe("tensorflow");
    expect(tensorflowPackage("gpu", "x64")).toBe("tensorflow");
  });
});

describe("runTool()", () => {
  it("gives what a program says, and the end of it where it fails", async () => {
    expect(await runTool("greet", program("hello", 0), [])).toBe("hello\n");
    await expect(runTool("greet", program("no voice", 3), [])).rejects.toThrow(
      /^Cannot greet: .* ended with 3. It said:\nno voice$/,
    );
  });

  it("ends the program when it is told to", async () => {
    const stop = new AbortController();
    const sleeping = runTool("sleep", "sleep", ["60"], { signal: stop.signal });
    stop.abort();
    await expect(sleeping).rejects.toThrow("Interrupted");
  });
});
