import type { RoleCompute } from "../../shared/compute/computeSettings.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { Processes } from "./processes.ts";

/** How to reach the server, as arguments of a role. Its address is in the environment: it may hold a password. */
export function serverArguments(creds: string | undefined): string[] {
  return creds === undefined ? [] : ["--creds", creds];
}

/**
 * Starts the teacher nodes and the student node of a run on this machine, a process each.
 * @param url of the server
 * @param threads of TensorFlow's own library, which divides the cores among processes by this alone
 * @returns never resolves: they serve until `processes.stop`
 * @throws RoleFailed
 */
export async function runNodes(
  processes: Processes,
  { teachers }: RunSpec["nodes"],
  {
    url,
    creds,
    compute,
    threads,
  }: { url: string; creds: string | undefined; compute: RoleCompute; threads: number },
): Promise<never> {
  // The environment is not shown in a list of processes, an argument is.
  process.env.NATS_URL = url;
  process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
  const common = [
    ...serverArguments(creds),
    ...(compute.prefer ? ["--backend", compute.prefer] : []),
    ...(compute.device ? ["--device", compute.device] : []),
  ];
  await Promise.all([
    ...Array.from({ length: teachers }, (_, i) =>
      processes.run(`teacher-${i + 1}`, ["teacher", ...common], false),
    ),
    processes.run("student", ["student", ...common], false),
  ]);
  return new Promise<never>(() => undefined);
}
