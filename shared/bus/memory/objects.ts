import { sha256 } from "../../determinism/hash.ts";
import type { ObjectStore } from "../bus.ts";
import { checkObjectName } from "../names.ts";
import { corruptObject, nameTaken } from "../refusals.ts";
import type { MemoryClient } from "./client.ts";

export interface Blob {
  readonly data: Uint8Array;
  readonly digest: string;
}

export class MemoryObjects implements ObjectStore {
  readonly #client: MemoryClient;
  readonly #bucket: string;
  readonly #blobs: Map<string, Blob>;

  constructor(client: MemoryClient, bucket: string, blobs: Map<string, Blob>) {
    this.#client = client;
    this.#bucket = bucket;
    this.#blobs = blobs;
  }

  async put(name: string, data: Uint8Array): Promise<void> {
    checkObjectName(name);
    const blob = { data: data.slice(), digest: sha256(data) };
    await this.#client.request(`store the object "${name}"`);
    const found = this.#blobs.get(name);
    if (found === undefined) this.#blobs.set(name, blob);
    else if (found.digest !== blob.digest) throw nameTaken(this.#bucket, name, found.digest, blob.digest);
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    checkObjectName(name);
    await this.#client.request(`read the object "${name}"`);
    const found = this.#blobs.get(name);
    if (found === undefined) return undefined;
    const bytes = found.data.length;
    const digest = sha256(found.data);
    if (digest === found.digest) return found.data.slice();
    throw corruptObject(this.#bucket, name, { bytes, digest }, { bytes, digest: found.digest });
  }

  async delete(name: string): Promise<void> {
    checkObjectName(name);
    await this.#client.request(`delete the object "${name}"`);
    this.#blobs.delete(name);
  }

  async names(): Promise<string[]> {
    await this.#client.request(`list the objects of ${this.#bucket}`);
    return [...this.#blobs.keys()];
  }
}
