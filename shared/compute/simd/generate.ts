import { readFileSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import wabt from "wabt";

const source = new URL("./kernels.wat", import.meta.url);
const target = new URL("./kernelsWasm.ts", import.meta.url);

/** The module `kernelsWasm.ts`, compiled from `kernels.wat`. */
export async function kernelsWasmModule(): Promise<string> {
  const { parseWat } = await wabt();
  const module = parseWat("kernels.wat", readFileSync(source), { simd: true });
  try {
    const { buffer } = module.toBinary({});
    return [
      "// Written by `npm run generate:simd` from kernels.wat: change that.",
      "",
      "/** WebAssembly, base64. */",
      "export const kernelsWasm =",
      `  "${Buffer.from(buffer).toString("base64")}";`,
      "",
    ].join("\n");
  } finally {
    module.destroy();
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, await kernelsWasmModule());
