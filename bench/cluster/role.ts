import type { RunSpec } from "../../shared/config/spec.ts";
import type { ServiceTime } from "./serviceTimes.ts";

interface Common {
  /** Of the NATS server. */
  readonly url: string;
  readonly spec: RunSpec;
}

/** What a process of a benchmark is to be. */
export type RoleTask = Common &
  (
    | { readonly role: "coordinator"; readonly nodes: number }
    | {
        readonly role: "teachers";
        /** Name of the process, from which its nodes take theirs. */
        readonly name: string;
        readonly nodes: number;
        readonly service: ServiceTime;
      }
    | { readonly role: "student" }
    | { readonly role: "trainer" }
    | { readonly role: "mortals"; readonly deaths: number; readonly atOnce: number }
    | { readonly role: "raw-publisher"; readonly inFlight: number }
    | { readonly role: "raw-consumer" }
  );
export type RoleName = RoleTask["role"];

/** What a role found out. */
export interface Facts {
  readonly samples?: number;
  readonly messages?: number;
  readonly bytes?: number;
  /** Of findMissing alone. */
  readonly listMs?: number;
  readonly steps?: number;
  /** Of a training without its waits. */
  readonly samplesPerS?: number;
  readonly waitSeconds?: number;
}

/** A role that is ready to begin. */
export interface Role {
  /** Resolves when its part is done; of teachers, who serve for as long as they are asked to, at once. */
  work(): Promise<Facts>;
  close(): Promise<void>;
}

export type ToRole = { readonly kind: "go" } | { readonly kind: "end" };
export type FromRole =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly startedAt: number; readonly endedAt: number; readonly facts: Facts }
  | {
      readonly kind: "ended";
      /** Processor time since `go`, milliseconds. */
      readonly cpuMs: number;
    };
