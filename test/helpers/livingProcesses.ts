import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

export interface LivingProcess {
  readonly pid: number;
  readonly group: number;
  /** With its arguments. */
  readonly command: string;
}

/** All processes of this machine; those that have ended and were not yet collected do not count. */
export function livingProcesses(): LivingProcess[] {
  return existsSync("/proc/self/stat") ? fromProc() : fromPs();
}

function fromProc(): LivingProcess[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
      // "pid (name) state parent group ...", and a name may hold spaces and brackets.
      const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return state === "Z" ? [] : [{ pid: Number(name), group: Number(group), command }];
    } catch {
      // It ended between the listing and the reading.
      return [];
    }
  });
}

function fromPs(): LivingProcess[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,pgid=,stat=,args="], { encoding: "utf8" }).split("\n");
  return lines.flatMap((line) => {
    const [, pid, group, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return state === undefined || state.startsWith("Z")
      ? []
      : [{ pid: Number(pid), group: Number(group), command: command ?? "" }];
  });
}
