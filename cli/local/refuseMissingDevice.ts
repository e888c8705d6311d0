import type { DeviceChoice } from "../../shared/compute/deviceNames.ts";

/**
 * A device that was asked for and does not work here is refused before anything starts, and not by every thread that
 * would compute on it.
 * @throws DeviceUnusable
 */
export async function refuseMissingDevice(choice: DeviceChoice | undefined): Promise<void> {
  if (choice === undefined || choice === "cpu") return;
  const { openDevice } = await import("../../shared/compute/compiled/devices.ts");
  await openDevice(choice);
}
