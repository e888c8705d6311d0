import type { Bus } from "../../../shared/bus/bus.ts";
import { connectNats } from "../../../shared/bus/nats.ts";

/** A client of the benchmark's server; what goes wrong beside its calls ends the process. */
export function connectRole(url: string, name: string): Promise<Bus> {
  return connectNats({
    url,
    name,
    onError: (error) => {
      throw error;
    },
  });
}
