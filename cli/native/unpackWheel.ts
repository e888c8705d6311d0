import type { Python } from "./findPython.ts";
import { runTool } from "./tool.ts";

/** What of TensorFlow's wheel a build keeps. */
export const LIBRARIES = ["libtensorflow_framework.so.2", "libtensorflow_cc.so.2"];

/** What it needs to be compiled: the C interface, and what its headers include of the library's platform layer. */
const HEADERS = ["tensorflow/c/", "tensorflow/core/platform/", "tensorflow/tsl/", "tsl/", "xla/tsl/"];

export const tensorflowParts = {
  libraries: LIBRARIES.map((name) => `tensorflow/${name}`),
  headers: HEADERS.map((folder) => `tensorflow/include/${folder}*.h`),
};

// Patterns are matched by fnmatch, whose * goes over slashes too. Names come from a file of others: none may lead out.
const SCRIPT = `
import fnmatch, os, shutil, sys, zipfile
wheel, target, *patterns = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name.endswith("/") or not any(fnmatch.fnmatchcase(name, p) for p in patterns):
            continue
        path = os.path.realpath(os.path.join(target, name))
        if not path.startswith(os.path.realpath(target) + os.sep):
            sys.exit("a name in it leads out of the folder: " + name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(name) as source, open(path, "wb") as to:
            shutil.copyfileobj(source, to, 1 << 20)
`;

/** Unpacks those files of a wheel whose names match one of `patterns`. Its checksums are checked on the way. */
export async function unpackWheel(
  wheel: string,
  target: string,
  patterns: readonly string[],
  python: Python,
  signal: AbortSignal,
): Promise<void> {
  await runTool(`unpack ${wheel}`, python.command, ["-c", SCRIPT, wheel, target, ...patterns], { signal });
}
