import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Bus, KeyValue } from "../../shared/bus/bus.ts";
import { buckets } from "../../shared/protocol/subjects.ts";
import type { StudentTraining, TrainedStudent, TrainingHooks } from "../../student-node/compute.ts";
import { type Action, calmPlan, type FaultPlan, type PlannedFault } from "./faultPlan.ts";
import type { Lineage, learn } from "./lineage.ts";
import type { Role } from "./process.ts";
import { addCounts, failureText } from "./results.ts";
import { type CalmStates, type Simulated, simulate, simulateCalm } from "./simulate.ts";
import { LineageStudent } from "./studentCompute.ts";

// Seconds on a machine that is free, minutes on one that is not.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1);
let calm: CalmStates;
beforeAll(async () => {
  calm = await simulateCalm();
});

function planOf(...faults: PlannedFault[]): FaultPlan {
  return { ...calmPlan, faults };
}

function atRequest(role: Role, request: string, nth: number, action: Action): PlannedFault {
  return { trigger: { kind: "request", role, request, nth, when: "before" }, action };
}

describe("a cluster on a simulated clock", () => {
  it("comes to the state of a calm run from every seed, and all kinds of faults have struck", async () => {
    const counts = new Map<string, number>();
    const failures: string[] = [];
    for (const seed of SEEDS) {
      const simulated = await simulate(seed, { calm });
      addCounts(counts, simulated.counts);
      if (simulated.failure !== undefined) failures.push(failureText(simulated));
    }
    expect(failures).toEqual([]);
    const kinds = ["kill", "freeze", "cut", "lose labels", "lose work", "full", "acknowledgement lost"];
    for (const kind of [...kinds, "handed out twice", "redelivered", "append exists"]) {
      expect(counts.get(kind) ?? 0, kind).toBeGreaterThan(0);
    }
  });

  it("replays a seed exactly: each request at its time, in its order", async () => {
    const [first, second, other] = [await simulate(3), await simulate(3), await simulate(4)];
    expect(second.traceDigest).toBe(first.traceDigest);
    expect(second.simulatedMs).toBe(first.simulatedMs);
    expect(first.traceLines).toBeGreaterThan(1000);
    expect(other.traceDigest).not.toBe(first.traceDigest);
  });
});

describe("a rule that is broken on purpose is found", () => {
  const failureOf = (simulated: Simulated): string => simulated.failure?.split("\n")[0] ?? "none";

  /** Loses the first batch after it was taken up from a checkpoint. */
  class Forgetful extends LineageStudent {
    #resumed = false;

    override train(training: StudentTraining, hooks: TrainingHooks): Promise<TrainedStudent> {
      this.#resumed = training.checkpoint !== null;
      return super.train(training, hooks);
    }

    protected override learn(...step: Parameters<typeof learn>): Lineage {
      if (!this.#resumed) return super.learn(...step);
      this.#resumed = false;
      return { ...step[0], step: step[0].step + 1 };
    }
  }

  const killedStudent = planOf(
    atRequest("student", "update jobs", 2, { kind: "kill", restartMs: 500, silent: false }),
  );

  it("a batch that is left out after a resume", async () => {
    expect((await simulate(1, { plan: killedStudent, calm })).failure).toBeUndefined();
    const makeStudent = (...of: ConstructorParameters<typeof LineageStudent>) => new Forgetful(...of);
    expect(failureOf(await simulate(1, { plan: killedStudent, calm, makeStudent }))).toMatch(
      /the weights of (student|baseline)-\d come of 360 samples, expected 360: sample \d+ of all epochs was seen 0 times/,
    );
  });

  it("a record that is written by whoever comes, with the fence that it has", async () => {
    // Cut off as it writes; when it is back, its write goes out, and the other coordinator has the run.
    const cutAt = (request: string): FaultPlan =>
      planOf(atRequest("coordinator", request, 3, { kind: "cut", ms: 12_000 }));
    const careful = await simulate(1, { plan: cutAt("update runs"), calm });
    expect(careful.failure).toBeUndefined();
    // Of the first, of who took over, and of the one that comes last and finds the run done.
    expect(careful.fences).toHaveLength(3);
    const carelessly = (bus: Bus, role: Role): Bus => (role === "coordinator" ? ignoringRevisions(bus) : bus);
    expect(failureOf(await simulate(1, { plan: cutAt("put runs"), calm, breakBus: carelessly }))).toMatch(
      /the record of r1 went from fence \d+ back to \d+/,
    );
  });

  it("labels that are acknowledged and not stored: a run that hangs says who does what", async () => {
    const deaf = (bus: Bus, role: Role): Bus => (role === "teacher" ? droppingLabels(bus) : bus);
    const { failure } = await simulate(1, { plan: calmPlan, calm, breakBus: deaf });
    expect(failure).toMatch(/the run is not over after 600000 ms/);
    expect(failure).toContain("run r1 is distilling");
  });
});

function ignoringRevisions(bus: Bus): Bus {
  return patched(bus, "kv", async (name, ...rest) => {
    const kv = await bus.kv(name, ...rest);
    if (name !== buckets.runs) return kv;
    return patched(kv, "update", (key: string, value: Uint8Array) => kv.put(key, value));
  });
}

function droppingLabels(bus: Bus): Bus {
  return patched(bus, "log", async (...of) => {
    const log = await bus.log(...of);
    return patched(log, "append", async () => "appended");
  });
}

/** The same with another method in place of one. */
function patched<T extends Bus | KeyValue | Awaited<ReturnType<Bus["log"]>>, K extends keyof T>(
  of: T,
  name: K,
  method: T[K],
): T {
  return new Proxy(of, {
    get(target, key) {
      if (key === name) return method;
      const found: unknown = Reflect.get(target, key);
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
}
