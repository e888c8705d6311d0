/**
 * The k largest numbers of a row, by descending number and of equal ones the lower place first, by a heap of the k
 * largest so far with the least of them on top: a number below it costs one comparison.
 * @param numbers those of the row from `start` on, finite; 1 <= k <= count
 * @param places [at least k]: of the numbers in the row
 * @param values [at least k]: the numbers
 */
export function largestByHeap(
  numbers: Float32Array,
  start: number,
  count: number,
  k: number,
  places: Int32Array,
  values: Float64Array,
): void {
  for (let i = 0; i < k; i++) {
    places[i] = i;
    values[i] = numbers[start + i] as number;
  }
  for (let i = (k >> 1) - 1; i >= 0; i--) {
    sink(places, values, i, k, places[i] as number, values[i] as number);
  }
  let least = values[0] as number;
  for (let i = k; i < count; i++) {
    const value = numbers[start + i] as number;
    // An equal one comes later, so that it has the higher place and is the lesser of the two.
    if (value > least) {
      sink(places, values, 0, k, i, value);
      least = values[0] as number;
    }
  }
  // The least goes to the end of what is left, again and again.
  for (let size = k - 1; size > 0; size--) {
    const place = places[size] as number;
    const value = values[size] as number;
    places[size] = places[0] as number;
    values[size] = values[0] as number;
    sink(places, values, 0, size, place, value);
  }
}

/** Puts a number at `at` of a heap of `size`, and lesser ones above it until none of its children is lesser. */
function sink(
  places: Int32Array,
  values: Float64Array,
  at: number,
  size: number,
  place: number,
  value: number,
): void {
  let hole = at;
  for (;;) {
    let child = 2 * hole + 1;
    if (child >= size) break;
    let lesser = values[child] as number;
    if (child + 1 < size) {
      const other = values[child + 1] as number;
      const otherIsLesser =
        other < lesser || (other === lesser && (places[child + 1] as number) > (places[child] as number));
      if (otherIsLesser) {
        child++;
        lesser = other;
      }
    }
    const childPlace = places[child] as number;
    if (value < lesser || (value === lesser && place > childPlace)) break;
    values[hole] = lesser;
    places[hole] = childPlace;
    hole = child;
  }
  values[hole] = value;
  places[hole] = place;
}
