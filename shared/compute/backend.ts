import * as tf from "@tensorflow/tfjs";
import { messageOf, StillhouseError } from "../errors.ts";
import { type BackendName, backendOrder } from "./backendNames.ts";
import { openDevice } from "./compiled/devices.ts";
import type { RoleCompute } from "./computeSettings.ts";
import type { OnnxDevice } from "./deviceNames.ts";
import { loadBackend } from "./loadBackend.ts";

export interface BackendReport {
  name: BackendName;
  version: string;
  /** Of the compiled backend, where it is not the CPU. */
  device?: OnnxDevice;
  /** Every backend in the order of trying; those after the used one were not tried, and say so. */
  tried: { backend: BackendName; used: boolean; why: string }[];
}

export interface BackendProbe {
  backend: BackendName;
  usable: boolean;
  /** Null where it is not usable; so are device and threads. */
  version: string | null;
  device: string | null;
  threads: string | null;
  why: string;
}

/** No backend works, not even plain JavaScript. */
export class NoBackend extends StillhouseError {}

/**
 * Sets and readies the first backend of `backendOrder` that works here. With `prefer`, that one is tried first, and the
 * others follow in their order. A device other than the CPU is the compiled backend's, and has to work.
 * @throws NoBackend, DeviceUnusable, BackendUnusable
 */
export async function chooseBackend({ prefer, device: choice }: RoleCompute = {}): Promise<BackendReport> {
  if (choice !== undefined && choice !== "cpu") {
    const device = await openDevice(choice);
    if (device !== "cpu") return onDevice(device);
  }
  const order = prefer
    ? [prefer, ...backendOrder.filter((backend) => backend !== prefer)]
    : [...backendOrder];
  const tried: BackendReport["tried"] = [];
  for (const [place, backend] of order.entries()) {
    try {
      const { version, why } = await loadBackend(backend);
      tried.push({ backend, used: true, why });
      for (const later of order.slice(place + 1)) {
        tried.push({ backend: later, used: false, why: `not needed, as ${backend} works` });
      }
      return { name: backend, version, tried };
    } catch (error) {
      tried.push({ backend, used: false, why: messageOf(error) });
    }
  }
  throw new NoBackend(
    `Cannot compute on this machine: no backend of TensorFlow.js works (${tried.map((t) => `${t.backend}: ${t.why}`).join("; ")})`,
    { fields: { tried } },
  );
}

/** The compiled backend on a device that works; others then have nothing to say. */
async function onDevice(device: OnnxDevice): Promise<BackendReport> {
  const { version } = await loadBackend("compiled");
  const tried = backendOrder.map((backend) =>
    backend === "compiled"
      ? { backend, used: true, why: `TensorFlow.js compiled for ONNX Runtime on ${device}` }
      : { backend, used: false, why: `not needed, as compiled works on ${device}` },
  );
  return { name: "compiled", version: `${version} on ${device}`, device, tried };
}

/** Tries every backend and leaves the current one as it was. */
export async function probeBackends(): Promise<BackendProbe[]> {
  // Asking for the current backend would start one where none is set yet.
  const before = tf.engine().backendName as string | undefined;
  const probes: BackendProbe[] = [];
  for (const backend of backendOrder) {
    try {
      const loaded = await loadBackend(backend);
      probes.push({ backend, usable: true, ...loaded });
    } catch (error) {
      probes.push({
        backend,
        usable: false,
        version: null,
        device: null,
        threads: null,
        why: messageOf(error),
      });
    }
  }
  if (before !== undefined) await tf.setBackend(before);
  return probes;
}
