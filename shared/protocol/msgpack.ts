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
