/** Three nats-servers with JetStream, each in its namespace: started, killed, stopped in time, asked. */
import type { ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findNatsServer } from "@agentflow/bus/servers";
import { retry, sleep, start, stop } from "../lib/children.ts";
import { type Network, type NodeNumber, nodes } from "./network.ts";
import { parseLeader } from "./parse-monitor.ts";

const clientPort = 4_222;
const monitorPort = 8_222;
const askMs = 2_000;

export class Nodes {
  readonly #dir: string;
  readonly #network: Network;
  readonly #children = new Map<NodeNumber, ChildProcess>();
  #program = "";

  constructor(dir: string, network: Network) {
    this.#dir = dir;
    this.#network = network;
  }

  /** How clients reach them, each through its relay. */
  get urls(): string {
    return nodes.map((node) => `nats://${this.#network.relay(0, node)}:${clientPort}`).join(",");
  }

  async startAll(): Promise<void> {
    this.#program = await findNatsServer();
    for (const node of nodes) this.start(node);
    await this.whenHealthy(nodes);
  }

  start(node: NodeNumber): void {
    const file = path.join(this.#dir, `n${node}.conf`);
    writeFileSync(file, this.#configOf(node));
    const words = ["netns", "exec", this.#network.namespaceOf(node), this.#program, "-c", file];
    this.#children.set(node, start(this.#dir, `n${node}`, "ip", words));
  }

  async end(node: NodeNumber, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    await stop(this.#children.get(node), signal, 20_000);
  }

  /** Time stands still for it until the result is called. */
  freeze(node: NodeNumber): () => void {
    const child = this.#children.get(node);
    child?.kill("SIGSTOP");
    return () => void child?.kill("SIGCONT");
  }

  async isHealthy(node: NodeNumber): Promise<boolean> {
    return (await this.#ask(node, "/healthz")) !== undefined;
  }

  /** Rejects after three minutes, with the name of the one that is not well. */
  async whenHealthy(which: readonly NodeNumber[]): Promise<void> {
    for (const node of which) {
      await retry(async () => {
        if (!(await this.isHealthy(node))) throw new Error(`n${node} is not healthy`);
      }, 180_000);
    }
  }

  /** The node that leads this stream, as the others see it; undefined while none does. */
  async leaderOf(stream: string): Promise<NodeNumber | undefined> {
    for (const node of nodes) {
      const text = await this.#ask(node, "/jsz?accounts=true&streams=true");
      const leader = text === undefined ? undefined : parseLeader(text, stream);
      const found = nodes.find((one) => `n${one}` === leader);
      if (found !== undefined) return found;
    }
    await sleep(200);
    return undefined;
  }

  async #ask(node: NodeNumber, what: string): Promise<string | undefined> {
    try {
      const url = `http://${this.#network.addressOf(node)}:${monitorPort}${what}`;
      const answer = await fetch(url, { signal: AbortSignal.timeout(askMs) });
      const text = await answer.text();
      return answer.ok ? text : undefined;
    } catch {
      return undefined;
    }
  }

  #configOf(node: NodeNumber): string {
    const data = path.join(this.#dir, `js${node}`);
    mkdirSync(data, { recursive: true });
    const address = this.#network.addressOf(node);
    const routes = nodes
      .filter((peer) => peer !== node)
      .map((peer) => `"nats://${this.#network.relay(node, peer)}:6222"`);
    return [
      `server_name: n${node}`,
      `listen: "${address}:${clientPort}"`,
      `http: "${address}:${monitorPort}"`,
      "max_payload: 2MB",
      // A line that is cut is noticed within seconds, not after minutes.
      'ping_interval: "5s"',
      `jetstream { store_dir: ${JSON.stringify(data)}, max_memory_store: 1GB, max_file_store: 20GB }`,
      "cluster {",
      "  name: bench",
      `  listen: "${address}:6222"`,
      "  no_advertise: true",
      '  ping_interval: "5s"',
      `  routes: [${routes.join(", ")}]`,
      "}",
      "",
    ].join("\n");
  }
}
