import { LoweringError, type OnnxConstant, type OnnxGraph } from "./graph.ts";

/** A graph that is right for the batch alone with which it was recorded. */
export class BatchBakedIn extends LoweringError {}

/**
 * The batch with which a graph is recorded that shall run on any: a prime so large that every size which it divides
 * comes from it. Recording computes shapes alone, so that it costs nothing.
 */
export const ANY_BATCH = 1_000_003;

const LARGEST_INT = Number.MAX_SAFE_INTEGER;

/**
 * Frees a graph that was recorded with `ANY_BATCH` from that size: inputs, outputs and reshapes get a size that
 * follows from what comes in, slices go to the end, and what is cut into equal parts counts the parts.
 * @throws BatchBakedIn where the batch is in another place: a constant with a row a sample, a tile, a fill
 */
export function freeBatch(graph: OnnxGraph): OnnxGraph {
  const lists = new Map(graph.constants.map((constant) => [constant.name, constant]));
  const added: OnnxConstant[] = [];
  const freed = (name: string, free: (sizes: number[]) => number[]): string => {
    const list = lists.get(name);
    if (list?.dtype !== "int64") return name;
    const sizes = integers(list);
    if (!sizes.some(ofBatch)) return name;
    const bytes = new Uint8Array(BigInt64Array.from(free(sizes), BigInt).buffer);
    const freedName = `${name}_any`;
    if (!added.some((constant) => constant.name === freedName))
      added.push({ ...list, name: freedName, bytes });
    return freedName;
  };
  const nodes = graph.nodes.map((node) => {
    const [data = "", second = "", third = "", ...rest] = node.inputs;
    if (node.type === "Reshape") return { ...node, inputs: [data, freed(second, freeReshape)] };
    if (node.type === "Split" && equalParts(lists.get(second))) {
      return {
        ...node,
        inputs: [data],
        attributes: { ...node.attributes, num_outputs: node.outputs.length },
      };
    }
    if (node.type === "Slice") {
      const toTheEnd = (sizes: number[]): number[] => sizes.map((n) => (ofBatch(n) ? LARGEST_INT : n));
      return { ...node, inputs: [data, second, freed(third, toTheEnd), ...rest] };
    }
    return node;
  });
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const constants = [...graph.constants, ...added].filter(({ name }) => used.has(name));
  for (const constant of constants) {
    if (constant.shape.some(ofBatch) || (constant.dtype === "int64" && integers(constant).some(ofBatch))) {
      throw new BatchBakedIn(
        "Cannot compile the model for a batch of any size: it has a constant that depends on the batch",
      );
    }
  }
  const free = <T extends { shape: readonly number[] }>(type: T): T => ({
    ...type,
    shape: type.shape.map((n) => (ofBatch(n) ? -1 : n)),
  });
  return { nodes, constants, inputs: graph.inputs.map(free), outputs: graph.outputs.map(free) };
}

function freeReshape(sizes: number[]): number[] {
  const free = sizes.map((n) => (ofBatch(n) ? -1 : n));
  if (free.filter((n) => n === -1).length === 1) return free;
  throw new BatchBakedIn(`Cannot reshape to [${sizes}] for a batch of any size: it is in two of its sizes`);
}

/** Whether a list of sizes is one multiple of the batch, several times. */
function equalParts(list: OnnxConstant | undefined): boolean {
  if (list?.dtype !== "int64") return false;
  const [first = 0, ...others] = integers(list);
  return ofBatch(first) && others.every((n) => n === first);
}

function ofBatch(n: number): boolean {
  return n !== 0 && n !== LARGEST_INT && n % ANY_BATCH === 0;
}

function integers({ bytes }: OnnxConstant): number[] {
  return Array.from(new BigInt64Array(bytes.slice().buffer), Number);
}
