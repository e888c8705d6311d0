import { type Options, Packr } from "msgpackr";

/** The library has it, its types do not. */
type MessageOptions = Options & { readonly skipValues: readonly unknown[] };

// What any MessagePack library reads: no shared record shapes, which a reader who joins late does not know, bytes as
// bytes, a field that is undefined left out. Whole numbers of 64 bits, as other languages write them, are numbers here.
const forAnyone: MessageOptions = { useRecords: false, skipValues: [undefined], int64AsType: "number" };
const messages = new Packr(forAnyone);
// What is read here alone may hold other typed arrays, which come back as what they were.
const values = new Packr({ useRecords: false, moreTypes: true });

/** MessagePack of a message, for readers in any language; the bytes are the caller's own. */
export function packMessage(value: unknown): Uint8Array {
  return new Uint8Array(messages.pack(value));
}

/** The same of a message and, as its last field, a payload. */
export function packWithPayload(message: object, payload: Uint8Array): Uint8Array {
  const head = messages.pack({ ...message, payload: noBytes });
  const start = head.length - EMPTY_BYTES.length;
  const { byteLength } = payload;
  const bytes = new Uint8Array(start + BIN_32_HEADER + byteLength);
  bytes.set(head.subarray(0, start));
  bytes[start] = BIN_32;
  new DataView(bytes.buffer).setUint32(start + 1, byteLength);
  bytes.set(payload, start + BIN_32_HEADER);
  return bytes;
}

const noBytes = new Uint8Array(0);
/** How MessagePack writes no bytes: bin 8 of length 0. */
const EMPTY_BYTES = [0xc4, 0];
/** Bytes whose length stands in 32 bits, whatever it is; any reader takes that. */
const BIN_32 = 0xc6;
const BIN_32_HEADER = 5;

/** The message in `bytes`, to be parsed by a schema. @throws Error for bytes that are not MessagePack */
export function unpackMessage(bytes: Uint8Array): unknown {
  return messages.unpack(bytes);
}

/** MessagePack of a value that Stillhouse alone reads; the bytes are the caller's own. */
export function pack(value: unknown): Uint8Array {
  return new Uint8Array(values.pack(value));
}

/** The value in `bytes`, to be parsed by a schema. @throws Error for bytes that are not MessagePack */
export function unpack(bytes: Uint8Array): unknown {
  return values.unpack(bytes);
}
