/** A connection that never gives up, to a server that is new enough. */
import { accessSync, constants, readFileSync } from "node:fs";
import { AgentFlowError } from "@agentflow/protocol";
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { fromNats } from "./errors.ts";
import { natsLimits } from "./limits.ts";
import type { NatsCredentials, NatsOptions } from "./options.ts";

export async function connectNats(options: NatsOptions, inboxPrefix: string): Promise<NatsConnection> {
  const nc = await dial(options, inboxPrefix);
  try {
    checkServer(nc);
    othersNext(nc);
    return nc;
  } catch (error) {
    await nc.close();
    throw error;
  }
}

async function dial(options: NatsOptions, inboxPrefix: string): Promise<NatsConnection> {
  const { servers, credentials, name = "agentflow" } = options;
  if (credentials !== undefined) requireFile(credentials);
  try {
    return await connect({
      servers: shuffled(servers),
      // Ours is kept: `othersNext` needs it.
      noRandomize: true,
      name,
      inboxPrefix,
      timeout: natsLimits.connectTimeoutMs,
      pingInterval: natsLimits.pingIntervalMs,
      maxReconnectAttempts: -1,
      reconnectTimeWait: natsLimits.reconnectWaitMs,
      reconnectJitter: natsLimits.reconnectJitterMs,
      // Credentials that are being rotated are wrong for a while.
      ignoreAuthErrorAbort: true,
      ...(credentials === undefined ? {} : { authenticator: authenticator(credentials) }),
    });
  } catch (error) {
    throw fromNats(error, `connecting to ${servers.join(", ")}`);
  }
}

/** Else each client would go to the first that is named. */
function shuffled(servers: readonly string[]): string[] {
  return servers
    .map((server) => ({ server, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ server }) => server);
}

/** The library would try the server that was just lost once more before any other. */
function othersNext(nc: NatsConnection): void {
  const current = nc.getServer();
  const all = nc.getServers().map(({ listen }) => listen);
  if (all.includes(current)) nc.setServers([...all.filter((one) => one !== current), current]);
}

/** At the first connect a missing file is a mistake; later ones may fall into the moment of a rotation. */
function requireFile(credentials: NatsCredentials): void {
  const file =
    credentials.kind === "nkey"
      ? credentials.seedFile
      : credentials.kind === "creds"
        ? credentials.file
        : credentials.passwordFile;
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    throw new AgentFlowError("invalid_input", `the credentials in ${file} cannot be read`, {
      reason: "no_credentials",
      details: { file },
      suggestions: ["af bus credentials DIR makes them"],
      cause,
    });
  }
}

/** Files are read at each connect, so that new credentials need no restart. */
function authenticator(credentials: NatsCredentials): Authenticator {
  switch (credentials.kind) {
    case "nkey":
      return nkeyAuthenticator(() => Buffer.from(secretIn(credentials.seedFile)));
    case "creds":
      return credsAuthenticator(() => readFileSync(credentials.file));
    default:
      return usernamePasswordAuthenticator(credentials.user, () => secretIn(credentials.passwordFile));
  }
}

function secretIn(file: string): string {
  return readFileSync(file, "utf8").trim();
}

function checkServer(nc: NatsConnection): void {
  const found = nc.info?.version ?? "unknown";
  const [major = 0, minor = 0] = found.split(".").map(Number);
  const [needMajor, needMinor] = natsLimits.oldestServer;
  const needed = `${needMajor}.${needMinor}`;
  if (major < needMajor || (major === needMajor && minor < needMinor)) {
    throw new AgentFlowError("refused", `the NATS server is ${found}, and ${needed} or newer is needed`, {
      reason: "nats_too_old",
      details: { found, needed },
      suggestions: [`upgrade nats-server to ${needed} or newer; its data stays readable`],
    });
  }
  if (nc.info?.jetstream === true) return;
  throw new AgentFlowError("unavailable", "JetStream is not turned on at this NATS server", {
    reason: "no_jetstream",
    suggestions: ["add a jetstream section with a store_dir to the server's configuration"],
  });
}
