import { Reader, Writer } from "protobufjs";

/** A field of a message in protobuf's wire format. */
export interface WireField {
  readonly id: number;
  /** With its tag, as it stands in the message. */
  readonly whole: Uint8Array;
  /** What a text, a list of bytes or a message holds; empty for numbers. */
  readonly content: Uint8Array;
}

const LENGTH_DELIMITED = 2;

/**
 * The fields of a message, in their order. A message that is put together from them again loses nothing that a schema
 * does not know.
 */
export function wireFields(message: Uint8Array): WireField[] {
  const reader = Reader.create(message);
  const fields: WireField[] = [];
  while (reader.pos < reader.len) {
    const from = reader.pos;
    const tag = reader.uint32();
    const wire = tag & 7;
    const content = wire === LENGTH_DELIMITED ? reader.bytes() : new Uint8Array();
    if (wire !== LENGTH_DELIMITED) reader.skipType(wire);
    fields.push({ id: tag >>> 3, whole: message.subarray(from, reader.pos), content });
  }
  return fields;
}

/** A field that holds a message, or bytes. */
export function messageField(id: number, ...content: readonly Uint8Array[]): Uint8Array {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  const tag = Writer.create()
    .uint32((id << 3) | LENGTH_DELIMITED)
    .uint32(length)
    .finish();
  return Buffer.concat([tag, ...content]);
}
