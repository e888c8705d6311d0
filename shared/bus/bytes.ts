/**
 * Bytes that belong to the receiver alone: the same array when it fills its buffer, a copy when it is a view into
 * a larger one, which it would keep alive. Also turns a Buffer into a plain Uint8Array.
 */
export function own(data: Uint8Array): Uint8Array {
  const whole = data.byteOffset === 0 && data.byteLength === data.buffer.byteLength;
  return whole && data.constructor === Uint8Array ? data : new Uint8Array(data);
}

/** Whether two arrays hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
