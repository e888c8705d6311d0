import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import { messageOf } from "../errors.ts";
import { crossChecks } from "./crossChecks.ts";
import { lineOf, pathText } from "./locate.ts";
import { type Problem, problemsOf } from "./problems.ts";
import { RunSpec } from "./spec.ts";
import { SpecError } from "./specError.ts";

/** A spec that was read from a file and holds together. */
export interface LoadedSpec {
  readonly spec: RunSpec;
  /** The folder of the spec file, to which all paths in the spec are relative. */
  readonly baseDir: string;
  /** The file as it stands. */
  readonly text: string;
}

/**
 * Reads, parses and checks a spec file.
 * @throws SpecFileUnreadable when there is no such file
 * @throws SpecError with all problems, each with its place and line
 */
export async function loadSpec(path: string): Promise<LoadedSpec> {
  const full = resolve(path);
  const text = await readFile(full, "utf8").catch((cause: unknown) => {
    throw new SpecFileUnreadable(path, full, cause);
  });
  return { spec: parseSpec(text, path), baseDir: dirname(full), text };
}

/**
 * Parses and checks the text of a spec.
 * @param file its name, for errors
 * @throws SpecError
 */
export function parseSpec(text: string, file: string): RunSpec {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  if (document.errors.length > 0) {
    const syntax = document.errors.map(({ pos, message }) => {
      const { line, col } = lines.linePos(pos[0]);
      return { path: "", line, message: `column ${col}: ${message}` };
    });
    throw new SpecError(file, syntax);
  }
  const raw: unknown = document.toJS();
  const parsed = RunSpec.safeParse(raw);
  const problems = parsed.success ? crossChecks(parsed.data) : problemsOf(parsed.error.issues, raw);
  if (!parsed.success || problems.length > 0) {
    const located = problems.map(({ path, message }: Problem) => ({
      path: pathText(path),
      line: lineOf(document, lines, path),
      message,
    }));
    throw new SpecError(
      file,
      located.sort((a, b) => a.line - b.line),
    );
  }
  return parsed.data;
}

/** A spec file that is not there, or cannot be read. */
export class SpecFileUnreadable extends SpecError {
  constructor(written: string, path: string, cause: unknown) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    super(written, [
      {
        path: "",
        line: 1,
        message: `${missing ? "no such file" : messageOf(cause)} (resolved to "${path}")`,
      },
    ]);
  }
}
