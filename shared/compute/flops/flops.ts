/**
 * Floating-point operations of one sample in inference. A multiply-add is 2; only convolutions and matrix products are
 * counted, as all else (biases, activations, pools, normalisation) is a small share of them.
 */
export type Flops = { readonly known: true; readonly flops: number } | UnknownFlops;

/** Why nobody can say: a number that leaves something out would be a wrong one. */
export interface UnknownFlops {
  readonly known: false;
  readonly why: string;
}

/** `24.0 MFLOPs a sample`, as people read it. */
export function flopsText(counted: Flops): string {
  if (!counted.known) return `unknown: ${counted.why}`;
  const { flops } = counted;
  const [size, unit] = flops >= 1e9 ? [1e9, "GFLOPs"] : flops >= 1e6 ? [1e6, "MFLOPs"] : [1e3, "kFLOPs"];
  return `${(flops / size).toPrecision(3)} ${unit} a sample in convolutions and products, a multiply-add as 2`;
}
