/** How the client reaches an engine: a socket, TCP with or without TLS, or through ssh. */
import { AgentFlowError } from "@agentflow/protocol";
import type { DockerOptions } from "dockerode";
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { Agent, type AgentOptions } from "node:http";
import { join } from "node:path";
import { Duplex } from "node:stream";
import type { EngineAddress } from "./address.ts";

export interface Transport {
  readonly options: DockerOptions & { readonly agent?: Agent };
  close(): void;
}

/** Options that hold everything, so that the client adds nothing from the environment. */
export async function clientOptions(address: EngineAddress): Promise<Transport> {
  const { host } = address;
  const nothing = { close: () => undefined };
  const blank = { ca: undefined, cert: undefined, key: undefined, host: undefined, socketPath: undefined };
  if (host.startsWith("ssh://")) return overSsh(address);
  const socketPath = /^(?:unix|npipe):\/\/(.*)$/.exec(host)?.[1];
  if (socketPath !== undefined) return { options: { ...blank, protocol: "http", socketPath }, ...nothing };
  const url = new URL(host.replace(/^tcp:/, "http:"));
  const files = address.certificates === undefined ? {} : await certificates(address.certificates);
  const secure = address.certificates !== undefined || url.protocol === "https:";
  const port = url.port === "" ? (secure ? 2376 : 2375) : Number(url.port);
  const options = {
    ...blank,
    ...files,
    protocol: secure ? ("https" as const) : ("http" as const),
    host: url.hostname,
    port,
  };
  if (!secure || address.verify) return { options, ...nothing };
  const { Agent: SecureAgent } = await import("node:https");
  const agent = new SecureAgent({ ...files, rejectUnauthorized: false });
  return { options: { ...options, agent }, close: () => agent.destroy() };
}

async function certificates(folder: string): Promise<Record<"ca" | "cert" | "key", string | undefined>> {
  const read = async (name: string): Promise<string | undefined> =>
    readFile(join(folder, name), "utf8").catch(() => undefined);
  const [ca, cert, key] = await Promise.all([read("ca.pem"), read("cert.pem"), read("key.pem")]);
  if (ca === undefined && cert === undefined) {
    throw new AgentFlowError("invalid_input", `${folder} holds no certificates for the engine`, {
      reason: "engine_certificate",
      details: { folder },
      suggestions: [
        "put ca.pem, cert.pem and key.pem there, or unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH",
      ],
    });
  }
  return { ca, cert, key };
}

/** Each connection is an `ssh` of the system's: its settings, keys and known hosts hold. */
function overSsh({ host }: EngineAddress): Transport {
  const children = new Set<ChildProcess>();
  const agent = new SshAgent(host, children);
  const close = (): void => {
    agent.destroy();
    for (const child of children) hangUp(child);
  };
  const blank = { ca: undefined, cert: undefined, key: undefined, socketPath: undefined };
  return { options: { ...blank, protocol: "http", host: "docker.invalid", port: 80, agent }, close };
}

class SshAgent extends Agent {
  readonly #host: string;
  readonly #children: Set<ChildProcess>;

  constructor(host: string, children: Set<ChildProcess>, options: AgentOptions = { keepAlive: true }) {
    super(options);
    this.#host = host;
    this.#children = children;
  }

  override createConnection(): Duplex {
    const { username, hostname, port } = new URL(this.#host);
    const args = [
      ...(username === "" ? [] : ["-l", decodeURIComponent(username)]),
      ...(port === "" ? [] : ["-p", port]),
      "-o",
      "ConnectTimeout=30",
      // A line that is cut says nothing; a minute of silence ends it.
      "-o",
      "ServerAliveInterval=15",
      "-o",
      "ServerAliveCountMax=4",
      "-T",
      "--",
      hostname,
      "docker",
      "system",
      "dial-stdio",
    ];
    const child = spawn("ssh", args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#children.add(child);
    return overPipes(child, () => this.#children.delete(child));
  }
}

/** Also one that takes no signals sees its pipes close; nobody waits for it. */
function hangUp(child: ChildProcess): void {
  child.kill();
  for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe?.destroy();
  child.unref();
}

/** The child's pipes as one connection; if it ends before it spoke, what it said on stderr is the reason. */
function overPipes(child: ChildProcess, ended: () => void): Duplex {
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error("ssh was started without pipes");
  // Its pipes break before it ends; why it ended is known only then.
  stdin.on("error", () => undefined);
  const duplex = new Duplex({
    read: () => void stdout.resume(),
    write: (chunk, _, done) => void stdin.write(chunk, () => done()),
    final: (done) => void stdin.end(() => done()),
    destroy(error, done) {
      hangUp(child);
      done(error);
    },
  });
  stdout.on("data", (chunk: Buffer) => void (duplex.push(chunk) || stdout.pause()));
  let said = "";
  stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2_000)));
  child.on("error", (error) => duplex.destroy(error));
  child.on("close", (code) => {
    ended();
    if (code === 0) {
      duplex.push(null);
      return;
    }
    // It says its own name before what it cannot do.
    const last = (said.trim().split("\n").at(-1) ?? "").replace(/^ssh: /, "");
    duplex.destroy(Object.assign(new Error(`ssh: ${last}`), { code: "ECONNREFUSED" }));
  });
  // What an HTTP connection has beyond a stream.
  return Object.assign(duplex, {
    setTimeout: () => duplex,
    setNoDelay: () => duplex,
    setKeepAlive: () => duplex,
    ref: () => duplex,
    unref: () => duplex,
  });
}
