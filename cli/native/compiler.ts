import { messageOf } from "../../shared/errors.ts";
import { NativeInstallFailed, runTool } from "./tool.ts";

export interface Compiler {
  command: string;
  /** The first line of what it says of itself. */
  version: string;
}

/**
 * A C++ compiler: CXX, or the first on PATH.
 * @throws NativeInstallFailed
 */
export async function findCompiler(env: NodeJS.ProcessEnv = process.env): Promise<Compiler> {
  const tried: string[] = [];
  for (const command of env.CXX ? [env.CXX] : ["c++", "g++", "clang++"]) {
    try {
      const said = await runTool("ask for the compiler's version", command, ["--version"]);
      return { command, version: said.split("\n")[0] ?? command };
    } catch (error) {
      tried.push(messageOf(error).split("\n")[0] as string);
    }
  }
  throw new NativeInstallFailed(
    `Cannot build the native binding without a C++ compiler (${tried.join("; ")}). Install one (Debian and Ubuntu: apt install g++; Fedora: dnf install gcc-c++), or name it in CXX`,
    { fields: { tried } },
  );
}

/** A shared object of Node-API that links libraries of `libraries`, found at run time relative to where it lies. */
export interface Compilation {
  sources: readonly string[];
  /** The file to be made. */
  output: string;
  includes: readonly string[];
  /** Its folder of libraries, and the way there from the output's folder. */
  libraries: { folder: string; fromOutput: string; names: readonly string[] };
}

export async function compile(
  { command }: Compiler,
  { sources, output, includes, libraries }: Compilation,
  signal: AbortSignal,
): Promise<void> {
  await runTool(
    "compile the native binding",
    command,
    [
      ...["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8", "-w"],
      ...includes.map((folder) => `-I${folder}`),
      ...sources,
      ...["-o", output, `-L${libraries.folder}`, ...libraries.names.map((name) => `-l:${name}`), "-ldl"],
      // Node itself holds the symbols of Node-API, and each library names those that it needs in turn.
      ...["-Wl,--allow-shlib-undefined", `-Wl,-rpath,$ORIGIN/${libraries.fromOutput}`],
    ],
    { signal },
  );
}
