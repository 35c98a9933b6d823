/**
 * A supervisor in a container. All it has of whoever started it is its standard input and output: they
 * carry its channel, its connections to the bus and its secrets. When they close it ends, and its container
 * with it.
 */
import { randomBytes } from "node:crypto";
import { accessSync, constants, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Duplex, pipeline } from "node:stream";
import { text } from "node:stream/consumers";
import { type Given, streamNames } from "../channel/given.ts";
import { parseGiven } from "../channel/parse-given.ts";
import type { SupervisorConfig } from "../channel/supervisor-messages.ts";
import { openTunnel, type Tunnel } from "../channel/tunnel.ts";
import { Supervisor } from "../main.ts";

function run(): void {
  refuseUnseen();
  // Whatever prints here would break into the frames.
  process.stdout.write = process.stderr.write.bind(process.stderr);
  const line = {
    input: new Socket({ fd: 0, readable: true, writable: false }),
    output: new Socket({ fd: 1, readable: false, writable: true }),
  };
  const tunnel = openTunnel(line, { side: "inside", onStream: accept });
  void tunnel.closed.then(() => process.exit(0));
  const relayed = relayBus(tunnel);
  new Supervisor(tunnel.open(streamNames.control), async (config) => asSeenHere(config, await relayed));
}

/** Whoever started us knows by the first words that the folder which was shared is not what it should be. */
function refuseUnseen(): void {
  try {
    accessSync("agentflow.yaml", constants.R_OK);
    readdirSync(".");
  } catch (error) {
    process.stderr.write(`no project: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

/** The project is where this process was started; the bus is behind the relay. */
function asSeenHere(config: SupervisorConfig, socket: string): SupervisorConfig {
  const { bus } = config;
  return {
    ...config,
    projectDir: process.cwd(),
    bus: bus.kind === "embedded" ? { ...bus, socket } : bus,
  };
}

/** A socket that is the bus for this process: each connection is a stream of the tunnel. */
async function relayBus(tunnel: Tunnel): Promise<string> {
  const folder = path.join(tmpdir(), `agentflow-${randomBytes(6).toString("hex")}`);
  mkdirSync(folder, { mode: 0o700 });
  const socket = path.join(folder, "bus");
  const server = createServer((client) => join(client, tunnel.open(streamNames.bus)));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socket, resolve);
  });
  return socket;
}

function accept(name: string, stream: Duplex): void {
  if (name === streamNames.given) {
    void text(stream)
      .then((said) => takeOver(parseGiven(said)))
      .finally(() => stream.destroy());
  } else if (name.startsWith(streamNames.port)) {
    join(connect(Number(name.slice(streamNames.port.length)), "127.0.0.1"), stream);
  } else stream.destroy();
}

function takeOver({ secrets, variables }: Given): void {
  Object.assign(process.env, variables);
  const folder = process.env["AF_SECRETS_DIR"];
  if (folder === undefined) return;
  const gone = readdirSync(folder).filter((name) => !Object.hasOwn(secrets, name));
  for (const name of gone) rmSync(path.join(folder, name), { force: true });
  for (const [name, value] of Object.entries(secrets)) {
    const aside = path.join(folder, `.${name}`);
    writeFileSync(aside, value, { mode: 0o600 });
    renameSync(aside, path.join(folder, name));
  }
}

function join(one: Duplex, other: Duplex): void {
  // Whichever breaks, both end: that is all there is to say about it.
  pipeline(one, other, () => other.destroy());
  pipeline(other, one, () => one.destroy());
}

// Importing a module does nothing: only the process that was started on this file becomes a supervisor.
if (process.argv[1] === import.meta.filename) run();
