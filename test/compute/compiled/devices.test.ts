import { describe, expect, it } from "vitest";
import { chooseBackend } from "../../../shared/compute/backend.ts";
import { DeviceUnusable, missingFor, openDevice } from "../../../shared/compute/compiled/devices.ts";
import { type GpuDevice, gpuDevices } from "../../../shared/compute/deviceNames.ts";
import { messageOf } from "../../../shared/errors.ts";
import { expectClose } from "../../helpers/tensors.ts";
import { type SmallName, settings, smallTraining } from "../../helpers/trainers.ts";

/** Why a device does not work here; null where it does. */
const problems = await Promise.all(
  gpuDevices.map(async (device) =>
    openDevice(device).then(
      () => ({ device, problem: null }),
      (error: unknown) => ({ device, problem: error }),
    ),
  ),
);
const cudaMissing = await missingFor("cuda");
const absent = problems.filter(({ problem }) => problem !== null);

async function losses(name: SmallName, device: GpuDevice | "cpu"): Promise<number[]> {
  const { run, close } = await smallTraining(name, settings("compiled", { device }));
  const all: number[] = [];
  for (let step = 0; step < 10; step++) all.push(await run(step));
  await close();
  return all;
}

describe("a device of the compiled backend", () => {
  it("is the CPU where nothing else works or is asked for", async () => {
    expect(await openDevice("cpu")).toBe("cpu");
    const cuda = problems.find(({ device }) => device === "cuda");
    expect(await openDevice("auto")).toBe(cuda?.problem === null ? "cuda" : "cpu");
    expect((await chooseBackend({ prefer: "cpu", device: "cpu" })).name).toBe("cpu");
  });

  it.each(absent)(
    "that does not work is refused and nothing is taken in its place ($device)",
    async ({ device, problem }) => {
      expect(problem).toBeInstanceOf(DeviceUnusable);
      expect(messageOf(problem)).toMatch(
        new RegExp(`^Cannot compute on ${device} as .*: .*docs/backends.md.*--device`),
      );
      await expect(chooseBackend({ device })).rejects.toThrow(DeviceUnusable);
      await expect(chooseBackend({ prefer: "wasm", device })).rejects.toThrow(DeviceUnusable);
    },
  );

  it.skipIf(cudaMissing === null)("is known to be missing where its library is not in the package", () => {
    const cuda = problems.find(({ device }) => device === "cuda");
    expect(messageOf(cuda?.problem)).toContain(cudaMissing);
  });

  describe.each(problems)("$device", ({ device, problem }) => {
    const skipped = problem === null ? "" : " (skipped: it does not work here)";
    it.skipIf(problem !== null).each(["mlp", "separable", "transformer"] as const)(
      `trains as the CPU does${skipped} (%s)`,
      async (name) => {
        expect(await chooseBackend({ device })).toMatchObject({ name: "compiled", device });
        const [here, onCpu] = [await losses(name, device), await losses(name, "cpu")];
        expectClose(here, onCpu, 1e-3, 1);
      },
    );
  });
});
