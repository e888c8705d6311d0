import type { RunSpec } from "../../shared/config/spec.ts";
import { type Cluster, withCluster } from "./inProcessRun.ts";

/**
 * Reports of runs one after another, which share one label log, a real teacher and a student.
 * @param baseDir where the specs' paths start
 */
export async function reportsOfOneLog<T>(
  baseDir: string,
  specs: readonly RunSpec[],
  runOf: (cluster: Cluster, spec: RunSpec, run: string) => Promise<T>,
): Promise<T[]> {
  const reports: T[] = [];
  await withCluster(baseDir, async (cluster) => {
    cluster.teacher("t1", { real: true });
    cluster.student("s1");
    for (const [i, spec] of specs.entries()) reports.push(await runOf(cluster, spec, `r${i}`));
  });
  return reports;
}
