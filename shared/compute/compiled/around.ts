import type { OnnxConstant, OnnxGraph, OnnxNode } from "./graph.ts";

/** What the rewriting of a node needs to know of the graph around it. */
export interface Around {
  /** The node that gives a value. */
  readonly maker: ReadonlyMap<string, OnnxNode>;
  /** The nodes that take a value. */
  readonly takers: ReadonlyMap<string, readonly OnnxNode[]>;
  readonly constants: ReadonlyMap<string, OnnxConstant>;
  /** Shapes of inputs and constants. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly outputs: ReadonlySet<string>;
}

export function aroundOf({ nodes, constants, inputs, outputs }: OnnxGraph): Around {
  const takers = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    for (const name of node.inputs) takers.set(name, [...(takers.get(name) ?? []), node]);
  }
  return {
    maker: new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const))),
    takers,
    constants: new Map(constants.map((constant) => [constant.name, constant])),
    shapes: new Map([...inputs, ...constants].map(({ name, shape }) => [name, shape])),
    outputs: new Set(outputs.map(({ name }) => name)),
  };
}

/** Whether one place takes a value, and nobody else sees it. */
export function usedOnce(value: string, { takers, outputs }: Around): boolean {
  return takers.get(value)?.length === 1 && !outputs.has(value);
}

/** What was reshaped to become a value, and by which nodes, the last first. */
export function behindReshapes(
  value: string,
  { maker }: Around,
): { source: string; reshapes: readonly OnnxNode[] } {
  const reshapes: OnnxNode[] = [];
  let source = value;
  for (let node = maker.get(source); node?.type === "Reshape"; node = maker.get(source)) {
    reshapes.push(node);
    source = node.inputs[0] as string;
  }
  return { source, reshapes };
}

/** The whole numbers of a constant list. */
export function listOf(name: string, { constants }: Around): number[] | undefined {
  const list = constants.get(name);
  return list && [...new BigInt64Array(list.bytes.slice().buffer)].map(Number);
}

/** A constant that is one number, without an axis. */
export function scalarOf(name: string, { constants }: Around): number | undefined {
  const constant = constants.get(name);
  if (constant?.dtype !== "float32" || constant.shape.length > 0) return undefined;
  return new Float32Array(constant.bytes.slice().buffer)[0];
}
