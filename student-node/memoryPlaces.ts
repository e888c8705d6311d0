/**
 * Where a memory keeps what it knows of each sample.
 * @param ids of the samples that may be asked for, which have a place each, in their order
 * @returns the place of a sample; throws RangeError for another one
 */
export function memoryPlaces(ids: Uint32Array): (id: number) => number {
  const places = new Map(Array.from(ids, (id, place) => [id, place]));
  return (id) => {
    const place = places.get(id);
    if (place !== undefined) return place;
    throw new RangeError(
      `Cannot look up what is remembered of sample ${id}: it is not in the training split`,
    );
  };
}
