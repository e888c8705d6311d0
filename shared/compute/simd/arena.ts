import { StillhouseError } from "../../errors.ts";
import { type Kernels, kernelsOver } from "./kernels.ts";
import { type WasmMemory, webAssembly } from "./webAssembly.ts";

const PAGE_BYTES = 65536;
/** Of WebAssembly with 32-bit addresses. */
const MOST_PAGES = 65536;
/** The size of a vector: what arrays are aligned to, and what a kernel may read behind the last one. */
const VECTOR_BYTES = 16;

export class ArenaExceeded extends StillhouseError {}
export class ForeignArray extends StillhouseError {}

/**
 * One piece of memory for the arrays that kernels work on in place. It never grows, as that would detach the arrays
 * handed out, and it goes when nobody holds it or one of its arrays.
 */
export class Arena {
  private static readonly arenas = new WeakMap<ArrayBufferLike, Arena>();

  readonly kernels: Kernels;
  private readonly memory: WasmMemory;
  private readonly bytes: number;
  private used = 0;

  /** Bytes that arrays of these lengths take, of floats or integers. */
  static bytesFor(lengths: Iterable<number>): number {
    let bytes = 0;
    for (const length of lengths) bytes += aligned(length);
    return bytes;
  }

  /**
   * @param bytes as `Arena.bytesFor` counts them
   * @throws ArenaExceeded above 4 GiB
   */
  constructor(bytes: number) {
    const pages = Math.ceil((bytes + VECTOR_BYTES) / PAGE_BYTES);
    if (pages > MOST_PAGES) {
      throw new ArenaExceeded(
        `Cannot hold ${bytes} bytes in one piece of memory: it has 4 GiB at most; train a smaller model`,
        { fields: { bytes } },
      );
    }
    this.bytes = bytes;
    this.memory = new webAssembly.Memory({ initial: pages, maximum: pages });
    this.kernels = kernelsOver(this.memory);
    Arena.arenas.set(this.memory.buffer, this);
  }

  /** The arena that an array is of, or undefined for any other array. */
  static holding(array: Float32Array): Arena | undefined {
    return Arena.arenas.get(array.buffer);
  }

  /**
   * `n` zeros.
   * @throws ArenaExceeded when less is left
   */
  floats(n: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.memory.buffer, this.take(n), n);
  }

  /**
   * `n` zeros.
   * @throws ArenaExceeded when less is left
   */
  ints(n: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.memory.buffer, this.take(n), n);
  }

  /**
   * Where an array of this arena, or a part of one, begins: what kernels take.
   * @throws ForeignArray for any other
   */
  pointerTo(array: Float32Array | Int32Array): number {
    if (array.buffer !== this.memory.buffer) {
      throw new ForeignArray(
        `Cannot work in place on an array of ${array.length} numbers outside of the arena: take it from floats()`,
        { fields: { length: array.length } },
      );
    }
    return array.byteOffset;
  }

  private take(n: number): number {
    const start = this.used;
    const bytes = aligned(n);
    if (start + bytes > this.bytes) {
      throw new ArenaExceeded(
        `Cannot take ${n} numbers from an arena of ${this.bytes} bytes: ${this.bytes - start} are left; count every array in Arena.bytesFor()`,
        { fields: { numbers: n, bytes: this.bytes, left: this.bytes - start } },
      );
    }
    this.used += bytes;
    return start;
  }
}

function aligned(length: number): number {
  return Math.ceil((length * 4) / VECTOR_BYTES) * VECTOR_BYTES;
}
