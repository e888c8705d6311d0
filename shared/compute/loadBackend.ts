import { availableParallelism } from "node:os";
import * as tf from "@tensorflow/tfjs";
import { messageOf, StillhouseError } from "../errors.ts";
import type { BackendName, NativeBackendName } from "./backendNames.ts";
import { loadOnnxRuntime } from "./compiled/session.ts";
import { loadNativePackage } from "./native/loadNativePackage.ts";
import { quietTensorflow } from "./native/quietTensorflow.ts";
import { restoreUtilChecks } from "./nativeUtilGuard.ts";
import { withoutNewCrashListeners } from "./processListeners.ts";
import { installWasmBridge } from "./wasmBridge.ts";
import { installWasmFilterGradient } from "./wasmFilterGradient.ts";
import { installWasmTranspose } from "./wasmTranspose.ts";

export interface LoadedBackend {
  version: string;
  /** What it computes on. */
  device: string;
  /** That one operator is shared among. */
  threads: string;
  /** One sentence on what was found. */
  why: string;
}

/** A backend of TensorFlow.js does not work here. */
export class BackendUnusable extends StillhouseError {}

// Both native packages register a backend called "tensorflow": one process can hold only one of them.
let nativeInUse: BackendName | null = null;

/**
 * Loads a backend, makes it TensorFlow.js's current one and checks a product of two matrices on it.
 * @throws BackendUnusable with the reason in one line
 */
export async function loadBackend(backend: BackendName): Promise<LoadedBackend> {
  // Production mode only turns the library's own log lines off, among them its greeting in Node.js.
  tf.enableProdMode();
  try {
    const loaded = await loaders[backend](backend);
    const six = tf.tidy(
      () =>
        tf
          .tensor2d([[2]])
          .matMul(tf.tensor2d([[3]]))
          .dataSync()[0],
    );
    if (six !== 6) throw new Error(`it computes 2 x 3 = ${six}`);
    return loaded;
  } catch (error) {
    const why = reasonOf(backend, error);
    throw new BackendUnusable(why, { fields: { backend }, cause: error });
  }
}

const oneThread = { device: "CPU", threads: "1" };

const loaders: Record<BackendName, (backend: BackendName) => Promise<LoadedBackend>> = {
  "tfjs-node-gpu": loadNative,
  "tfjs-node": loadNative,
  compiled: loadCompiled,
  webgpu: loadWebgpu,
  wasm: loadWasm,
  cpu: async () => {
    await activate("cpu");
    return { version: tf.version_core, ...oneThread, why: "plain JavaScript, always there" };
  },
};

async function loadNative(backend: BackendName): Promise<LoadedBackend> {
  if (nativeInUse !== null && nativeInUse !== backend) {
    throw new Error(`this process already holds ${nativeInUse}, and only one native package fits into it`);
  }
  restoreUtilChecks();
  quietTensorflow();
  const { version, origin } = await loadNativePackage(backend as NativeBackendName);
  if (tf.engine().findBackendFactory("tensorflow") === null) {
    throw new Error("it brought a copy of TensorFlow.js of its own; install the same version of both");
  }
  nativeInUse = backend;
  await activate("tensorflow");
  const native = tf.backend() as { isUsingGpuDevice?: boolean; binding?: { TF_Version?: string } };
  if (backend === "tfjs-node-gpu" && !native.isUsingGpuDevice) {
    throw new Error("TensorFlow sees no GPU, and on the CPU the compiled backend is faster");
  }
  const library = native.binding?.TF_Version ?? "of an unknown version";
  return {
    device: native.isUsingGpuDevice ? "GPU" : "CPU",
    threads: process.env.TF_NUM_INTRAOP_THREADS ?? String(availableParallelism()),
    version: `${version ?? tf.version_core} with TensorFlow ${library}`,
    why: `native TensorFlow on ${native.isUsingGpuDevice ? "a GPU" : "the CPU"}, ${origin}`,
  };
}

/** What is not compiled, as drawing the first weights, is done by wasm. */
async function loadCompiled(): Promise<LoadedBackend> {
  const { env } = await loadOnnxRuntime();
  await loadWasm();
  return {
    version: env.versions.common,
    device: "CPU",
    threads: "the run's",
    why: "TensorFlow.js compiled for ONNX Runtime on the CPU",
  };
}

async function loadWasm(): Promise<LoadedBackend> {
  const { version_wasm } = await import("@tensorflow/tfjs-backend-wasm");
  await withoutNewCrashListeners(() => activate("wasm"));
  installWasmTranspose();
  installWasmFilterGradient();
  installWasmBridge();
  return { version: version_wasm, ...oneThread, why: "WebAssembly" };
}

/** TensorFlow.js's own kernels for a GPU, where the process has WebGPU as browsers have it. */
async function loadWebgpu(backend: BackendName): Promise<LoadedBackend> {
  if ((globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu === undefined) {
    throw new Error(`Node ${process.versions.node} has no navigator.gpu`);
  }
  const packageName: string = packages[backend];
  const { version_webgpu } = (await import(packageName)) as { version_webgpu?: string };
  await activate("webgpu");
  try {
    tf.tidy(() => tf.scalar(1).dataSync());
  } catch (error) {
    throw new Error(
      `a tensor cannot be read without waiting here, as training does it: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
  return { version: version_webgpu ?? tf.version_core, device: "GPU", threads: "1", why: "WebGPU" };
}

async function activate(registered: string): Promise<void> {
  if (!(await tf.setBackend(registered))) throw new Error("its initialisation failed");
  await tf.ready();
}

function reasonOf(backend: BackendName, error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  const text = message ?? String(error);
  const packageName = packages[backend];
  if (text.includes(packageName) && /_NOT_FOUND$/.test(code ?? "")) {
    return `the package ${packageName} is not installed${orBuild(backend)}`;
  }
  if (text.includes("native addon module")) {
    return `the native library of @tensorflow/${backend} is not installed (npm rebuild @tensorflow/${backend}${orBuild(backend)})`;
  }
  return text.split("\n")[0] ?? text;
}

const packages: Record<BackendName, string> = {
  "tfjs-node-gpu": "@tensorflow/tfjs-node-gpu",
  "tfjs-node": "@tensorflow/tfjs-node",
  compiled: "onnxruntime-node",
  webgpu: "@tensorflow/tfjs-backend-webgpu",
  wasm: "@tensorflow/tfjs-backend-wasm",
  cpu: "@tensorflow/tfjs",
};

/** The other way to a native backend. */
function orBuild(backend: BackendName): string {
  if (backend === "tfjs-node") return "; or build it: stillhouse native install";
  return backend === "tfjs-node-gpu" ? "; or build it: stillhouse native install --gpu" : "";
}
