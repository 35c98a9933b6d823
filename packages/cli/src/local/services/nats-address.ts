/** How the bus is reached, from settings to what its adapter takes. */
import type { NatsCredentials, NatsOptions } from "@agentflow/bus/nats";
import type { BusSettings } from "@agentflow/host/settings";
import { AgentFlowError } from "@agentflow/protocol";

/** Throws `invalid_input` when more than one way to log in is named, or half of one. */
export function natsAddress(
  settings: BusSettings,
): Pick<NatsOptions, "servers" | "credentials" | "inboxPrefix"> {
  const credentials = credentialsOf(settings);
  const { servers, inbox } = settings;
  return {
    servers,
    ...(credentials === undefined ? {} : { credentials }),
    ...(inbox === undefined ? {} : { inboxPrefix: inbox }),
  };
}

function credentialsOf(settings: BusSettings): NatsCredentials | undefined {
  const { nkey, creds, user, passwordFile } = settings;
  const ways = [nkey, creds, user ?? passwordFile].filter((one) => one !== undefined);
  if (ways.length > 1) throw unclear("name one of bus.nkey, bus.creds and bus.user");
  if (nkey !== undefined) return { kind: "nkey", seedFile: nkey };
  if (creds !== undefined) return { kind: "creds", file: creds };
  if (user === undefined && passwordFile === undefined) return undefined;
  if (user === undefined || passwordFile === undefined)
    throw unclear("bus.user and bus.passwordFile go together");
  return { kind: "password", user, passwordFile };
}

function unclear(hint: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `how to log in to the bus is not clear: ${hint}`, {
    reason: "invalid_config",
    suggestions: ["af bus credentials --help"],
  });
}
