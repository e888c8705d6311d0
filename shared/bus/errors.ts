import { StillhouseError } from "../errors.ts";

/** A key had another revision than the writer knew: somebody else wrote it. */
export class RevisionConflict extends StillhouseError {}

/** An object's bytes do not match the digest that was taken when it was stored. */
export class CorruptObject extends StillhouseError {}

/** The server cannot be reached, or went away and did not come back. */
export class BusUnreachable extends StillhouseError {}

/** The server answers, but lacks what Stillhouse needs (JetStream, a version). */
export class BusUnsuitable extends StillhouseError {}

/** A stream or the disk is full. Retrying helps once there is room. */
export class BusFull extends StillhouseError {}

/** A bucket, consumer, subject, filter, key or object has a name that the bus cannot carry. */
export class InvalidName extends StillhouseError {}

/** The payload does not fit one message. */
export class PayloadTooLarge extends StillhouseError {}

/** An object's name already holds other bytes, and objects never change. */
export class NameTaken extends StillhouseError {}

/** Two consumers of one work queue would both take the same message. */
export class ConsumerOverlap extends StillhouseError {}
