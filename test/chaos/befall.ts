import type { Bus } from "../../shared/bus/bus.ts";
import { sleep, systemClock } from "../../shared/bus/clock.ts";
import {
  type ChunkKey,
  chunksOfLabelWork,
  labelWorkFilter,
  streams,
} from "../../shared/protocol/subjects.ts";
import type { NatsServer } from "../helpers/natsServer.ts";
import type { PlannedFault } from "./faults.ts";
import { checkpointBegins, holderOf, labelAppended, teacherTrains } from "./moments.ts";
import type { Role, RoleKind } from "./role.ts";

export interface Cluster {
  readonly bus: Bus;
  readonly run: string;
  readonly server: NatsServer;
  readonly roles: readonly Role[];
}

/** What a fault met. */
export interface Befallen {
  readonly fault: PlannedFault;
  /** The node, or "nats-server"; null: its moment did not come. */
  readonly who: string | null;
  /** For people: what was seen of it. */
  readonly seen: string;
}

/** How long the moment of a fault is waited for. */
const MOMENT_MS = 60_000;
/** A node that was killed is back so much later, as an orchestrator takes a while. */
const BACK_MS = 300;

/** Lets one fault befall the cluster, and mends it. */
export async function befall(cluster: Cluster, fault: PlannedFault): Promise<Befallen> {
  const { bus, run, server } = cluster;
  const missed = (seen: string): Befallen => ({ fault, who: null, seen });
  const hit = (who: string, seen: string): Befallen => ({ fault, who, seen });
  const atWork = async (kind: "coordinator" | "student"): Promise<Role | undefined> => {
    const end = Date.now() + MOMENT_MS;
    while (Date.now() < end) {
      const role = roleOf(await holderOf(bus, kind, run));
      if (role) return role;
      await sleep(systemClock, 100);
    }
    return undefined;
  };
  const roleOf = (name: string | undefined): Role | undefined =>
    cluster.roles.find((role) => role.name === name && role.alive);
  const anyOf = (kind: RoleKind): Role | undefined => {
    const alive = cluster.roles.filter((role) => role.kind === kind && role.alive);
    return alive[fault.draw % Math.max(1, alive.length)];
  };

  switch (fault.kind) {
    case "teacher-killed-at-append": {
      const append = await labelAppended(bus, MOMENT_MS);
      const role = roleOf(append?.node);
      if (!append || !role) return missed("no label was appended");
      await kill(role);
      const log = await bus.log(streams.labels.name, streams.labels.filter);
      const queue = await bus.workQueue(streams.work.name, streams.work.filter);
      const stored = (await log.get(append.subject)) !== undefined;
      const pending = (await queue.pending(labelWorkFilter(append.label.labelling))).some((subject) =>
        asksFor(subject, append.label),
      );
      return hit(
        role.name,
        `label ${stored ? "stored" : "not stored"}, its work ${pending ? "not " : ""}acknowledged`,
      );
    }
    case "teacher-killed-in-training": {
      const role = roleOf(await teacherTrains(bus, MOMENT_MS));
      if (!role) return missed("no teacher was trained");
      await kill(role);
      return hit(role.name, "training under way");
    }
    case "student-killed-at-checkpoint": {
      const began = await checkpointBegins(bus, MOMENT_MS);
      const role = await atWork("student");
      if (!began || !role) return missed("no checkpoint was written");
      await kill(role);
      return hit(role.name, "a checkpoint on its way");
    }
    case "student-killed":
    case "coordinator-killed": {
      const kind = fault.kind === "student-killed" ? "student" : "coordinator";
      const role = await atWork(kind);
      if (!role) return missed(`no ${kind} held its lease`);
      await kill(role);
      return hit(role.name, "it held the lease");
    }
    case "student-stopped":
    case "coordinator-stopped":
    case "teacher-stopped": {
      const kind = fault.kind.split("-")[0] as RoleKind;
      const role = kind === "teacher" ? anyOf(kind) : await atWork(kind);
      if (!role) return missed(`no ${kind} was at work`);
      role.signal("SIGSTOP");
      await sleep(systemClock, fault.lastsMs);
      role.signal("SIGCONT");
      return hit(role.name, `for ${fault.lastsMs} ms`);
    }
    case "server-killed": {
      await server.kill();
      await sleep(systemClock, fault.lastsMs);
      await server.restart();
      return hit("nats-server", `away for ${fault.lastsMs} ms`);
    }
    case "network-cut": {
      const kinds: readonly RoleKind[] = ["teacher", "student", "coordinator"];
      const role = anyOf(kinds[fault.draw % kinds.length] as RoleKind);
      if (!role) return missed("nobody was at work");
      role.cable.cut();
      await sleep(systemClock, fault.lastsMs);
      role.cable.mend();
      return hit(role.name, `for ${fault.lastsMs} ms`);
    }
  }
}

async function kill(role: Role): Promise<void> {
  await role.kill();
  setTimeout(() => role.start(), BACK_MS);
}

/** Whether an item of work is about a chunk, perhaps among others. */
function asksFor(subject: string, { shard, view, chunk }: ChunkKey): boolean {
  return chunksOfLabelWork(subject).some(
    (key) => key.shard === shard && key.view === view && key.chunk === chunk,
  );
}
