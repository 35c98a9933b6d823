/** Looks at the NATS that the settings name, by the identity that they name. */
import type { NatsReport } from "@agentflow/bus/nats";
import type { Check } from "../doctor/check.ts";
import { busChecks } from "./bus-checks.ts";
import { natsAddress } from "./services/nats-address.ts";
import { readServiceSettings, type ServiceOptions } from "./services/service.ts";
import { serverSettings } from "./services/settings.ts";

export interface BusLook {
  /** False when nothing names a bus: then there may be none to look at. */
  readonly isNamed: boolean;
  readonly servers: readonly string[];
  examine(): Promise<{ readonly report: NatsReport; readonly checks: readonly Check[] }>;
}

export async function busLook(options: ServiceOptions): Promise<BusLook> {
  const { value, origins } = await readServiceSettings(await serverSettings(), options);
  const { bus } = value;
  return {
    isNamed: origins.some(({ key, layer }) => key.startsWith("bus.servers") && layer !== "default"),
    servers: bus.servers,
    examine: async () => {
      const { examineNats } = await import("@agentflow/bus/nats");
      const { monitor } = bus;
      const at = { ...natsAddress(bus), ...(monitor === undefined ? {} : { monitor }) };
      const report = await examineNats(at);
      return { report, checks: busChecks(report, bus.logs) };
    },
  };
}
