/** Flags that every service has. Secrets come by path: what stands in an argument, others can list. */
import { Flags } from "./flags.ts";

export const serviceFlags = {
  config: Flags.file({ description: "file of settings", helpValue: "FILE" }),
};

export const busFlags = {
  bus: Flags.string({
    description: "nats://host:port; several with commas",
    helpValue: "URL",
    helpGroup: "BUS",
  }),
  nkey: Flags.string({ description: "file with the seed of an NKey", helpValue: "FILE", helpGroup: "BUS" }),
  creds: Flags.string({
    description: "credentials file of a JWT account",
    helpValue: "FILE",
    helpGroup: "BUS",
  }),
  inbox: Flags.string({
    description: "prefix of answers that the identity may listen to",
    helpValue: "PREFIX",
    helpGroup: "BUS",
  }),
};

export const busFlagNames = {
  "bus.servers": "--bus",
  "bus.nkey": "--nkey",
  "bus.creds": "--creds",
  "bus.inbox": "--inbox",
} as const;

interface BusFlags {
  readonly bus: string | undefined;
  readonly nkey: string | undefined;
  readonly creds: string | undefined;
  readonly inbox: string | undefined;
  readonly debug: boolean;
}

/** As settings by dotted key. */
export function busFlagsOf({ bus, nkey, creds, inbox, debug }: BusFlags): {
  readonly [key: string]: unknown;
} {
  return {
    "bus.servers": bus,
    "bus.nkey": nkey,
    "bus.creds": creds,
    "bus.inbox": inbox,
    "log.level": debug ? "debug" : undefined,
  };
}
