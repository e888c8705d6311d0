import { kernelsWasm } from "./kernelsWasm.ts";
import { type WasmMemory, webAssembly } from "./webAssembly.ts";

/**
 * The loops of kernels.wat over one memory; their formulas are there. Pointers are byte offsets of arrays of 32-bit
 * floats, `n` counts numbers.
 */
export interface Kernels {
  sgd(p: number, g: number, n: number, rate: number, decay: number): void;
  /**
   * @param factor scales each gradient as it is read
   * @param nesterov 1 or 0
   */
  momentum(
    p: number,
    g: number,
    b: number,
    n: number,
    factor: number,
    lr: number,
    momentum: number,
    decay: number,
    nesterov: number,
  ): void;
  adam(
    p: number,
    g: number,
    m: number,
    v: number,
    n: number,
    beta1: number,
    rest1: number,
    beta2: number,
    rest2: number,
    rate: number,
    epsilon: number,
    keep: number,
  ): void;
  sumOfSquares(g: number, n: number): number;
  /** @param sums with room for whole fours of columns */
  addColumnSquares(sums: number, w: number, rows: number, columns: number): void;
  scaleColumns(w: number, factors: number, rows: number, columns: number): void;
  /** @param bytes whole numbers of 8 bits, which may be the last quarter of `out` */
  bytes(out: number, bytes: number, n: number, scale: number): void;
  /** @param last largest word that gives 0 */
  mask(out: number, n: number, k0: number, k1: number, first: number, last: number, scale: number): void;
}

let compiled: object | null = null;

/** The kernels over a memory; they are compiled once a process. */
export function kernelsOver(memory: WasmMemory): Kernels {
  compiled ??= new webAssembly.Module(Buffer.from(kernelsWasm, "base64"));
  return new webAssembly.Instance(compiled, { arena: { memory } }).exports as Kernels;
}
