/** A map: [height, width, channels]. */
export type MapShape = readonly [height: number, width: number, channels: number];

/** A tensor of one sample as a map, where it is one: a sequence, [length, width], is a map one place wide. */
export function asMap(shape: readonly number[]): MapShape | undefined {
  const [a = 0, b = 0, c = 0] = shape;
  if (shape.length === 3) return [a, b, c];
  return shape.length === 2 ? [a, 1, b] : undefined;
}

/** How many places of a map become one, in each direction, so that it has the size of another; undefined where none does. */
export function poolingTo(
  [height, width]: readonly number[],
  [smallerHeight, smallerWidth]: readonly number[],
): number | undefined {
  const factor = (height as number) / (smallerHeight as number);
  if (!Number.isInteger(factor)) return undefined;
  // What is one place wide, as a sequence, is not pooled across.
  const across = width === 1 && smallerWidth === 1 ? factor : (width as number) / (smallerWidth as number);
  return across === factor ? factor : undefined;
}

/** The shape after `factor` places became one in each direction; of a sequence along it. */
export function pooledShape([height, width, channels]: MapShape, factor: number): MapShape {
  return [height / factor, width === 1 ? 1 : width / factor, channels];
}
