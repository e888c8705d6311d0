import { messageOf } from "../../shared/errors.ts";
import { NativeInstallFailed, runTool } from "./tool.ts";

export interface Python {
  command: string;
  /** As "3.11.7". */
  version: string;
}

const PROBE = "import sys, zipfile, pip; print('.'.join(map(str, sys.version_info[:3])))";

/**
 * A Python that has pip: it fetches and unpacks the wheel, and runs nothing of it.
 * @param named by the user: no other is then tried
 * @throws NativeInstallFailed
 */
export async function findPython(named: string | undefined): Promise<Python> {
  const tried: string[] = [];
  for (const command of named === undefined ? ["python3", "python"] : [named]) {
    try {
      const version = (await runTool("ask for Python's version", command, ["-c", PROBE])).trim();
      return { command, version };
    } catch (error) {
      tried.push(`${command}: ${lastLine(messageOf(error))}`);
    }
  }
  throw new NativeInstallFailed(
    `Cannot install the native TensorFlow without a Python that has pip (${tried.join("; ")}). Install one (Debian and Ubuntu: apt install python3-pip; Fedora: dnf install python3-pip), or name it with --python`,
    { fields: { tried } },
  );
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? text;
}
