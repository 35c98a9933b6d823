/**
 * Three machines made of network namespaces: each node has one of its own, on a bridge in a fourth (the hub).
 * Nodes reach each other, and clients reach them, through relays in the hub only, one address for each
 * direction and pair; so a cut of one direction is a route of the kernel, and the relays can be slow.
 */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";

export type NodeNumber = 1 | 2 | 3;
export const nodes: readonly NodeNumber[] = [1, 2, 3];
/** A node, or 0: the clients, who live outside. */
export type Place = 0 | NodeNumber;

export interface RelayAddress {
  readonly address: string;
  readonly from: Place;
  readonly to: NodeNumber;
}

const prefix = "afc";

/** What is missing to make one here; undefined when nothing is. */
export function networkMissing(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "root is needed, to make network namespaces: try sudo";
  try {
    execFileSync("ip", ["-V"], { stdio: "ignore" });
  } catch {
    return "the command ip is needed: apt-get install iproute2";
  }
  const probe = `${prefix}${process.pid}probe`;
  try {
    ip("netns", "add", probe);
    ip("netns", "del", probe);
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `a network namespace cannot be made here: ${why}`;
  }
}

/** Everything that it made is gone after `remove`, and when this process ends without it. */
export class Network {
  readonly hub: string;
  readonly #subnet: string;
  readonly #outside: string;
  readonly #undo = new Set<() => void>();
  #removed = false;

  constructor() {
    removeLeftovers();
    const { pid } = process;
    this.#subnet = `10.${100 + (pid % 100)}.${(pid >> 7) & 255}`;
    this.#outside = `${prefix}${pid}r`;
    this.hub = `${prefix}${pid}hub`;
    process.once("exit", () => this.remove());
    this.#make();
  }

  namespaceOf(node: NodeNumber): string {
    return `${prefix}${process.pid}n${node}`;
  }

  /** Where the node itself listens: reached by relays and, for its monitor, from outside. */
  addressOf(node: NodeNumber): string {
    return `${this.#subnet}.${node}`;
  }

  /** Where `from` reaches `to`. */
  relay(from: Place, to: NodeNumber): string {
    return `${this.#subnet}.${to}${from}`;
  }

  relays(): readonly RelayAddress[] {
    return nodes.flatMap((to) =>
      ([0, 1, 2, 3] as const)
        .filter((from) => from !== to)
        .map((from) => ({ address: this.relay(from, to), from, to })),
    );
  }

  /** `from` can send nothing to `to`; `to` can still send to `from`. The result heals it. */
  cut(from: NodeNumber, to: NodeNumber): () => void {
    return this.#drop(this.namespaceOf(from), [this.relay(from, to), this.relay(to, from)]);
  }

  /** The node can send to nobody and nobody to it, clients included. The result heals it. */
  isolate(node: NodeNumber): () => void {
    const peers = nodes.filter((one) => one !== node);
    const ways = peers.flatMap((peer) => [this.relay(node, peer), this.relay(peer, node)]);
    const out = this.#drop(this.namespaceOf(node), [...ways, this.relay(0, node)]);
    const back = this.#drop(this.hub, [this.addressOf(node)]);
    return () => {
      out();
      back();
    };
  }

  heal(): void {
    for (const undo of this.#undo) undo();
  }

  remove(): void {
    if (this.#removed) return;
    this.#removed = true;
    for (const name of [...nodes.map((node) => this.namespaceOf(node)), this.hub]) {
      quietly("netns", "del", name);
    }
    quietly("link", "del", this.#outside);
  }

  #drop(namespace: string, addresses: readonly string[]): () => void {
    const routes = addresses.map((address) => ["route", "add", "blackhole", `${address}/32`]);
    for (const route of routes) ip("-n", namespace, ...route);
    const undo = (): void => {
      if (!this.#undo.delete(undo)) return;
      for (const [, , ...what] of routes) ip("-n", namespace, "route", "del", ...what);
    };
    this.#undo.add(undo);
    return undo;
  }

  #make(): void {
    ip("netns", "add", this.hub);
    ip("-n", this.hub, "link", "set", "lo", "up");
    ip("-n", this.hub, "link", "add", "br0", "type", "bridge");
    ip("-n", this.hub, "link", "set", "br0", "up");
    for (const { address } of this.relays()) {
      ip("-n", this.hub, "address", "add", `${address}/24`, "dev", "br0");
    }
    ip("link", "add", this.#outside, "type", "veth", "peer", "name", "outside", "netns", this.hub);
    this.#plug("outside");
    ip("address", "add", `${this.#subnet}.254/24`, "dev", this.#outside);
    ip("link", "set", this.#outside, "up");
    for (const node of nodes) this.#makeNode(node);
  }

  #makeNode(node: NodeNumber): void {
    const name = this.namespaceOf(node);
    const port = `n${node}`;
    ip("netns", "add", name);
    ip("-n", this.hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name);
    this.#plug(port);
    ip("-n", name, "link", "set", "lo", "up");
    ip("-n", name, "address", "add", `${this.addressOf(node)}/24`, "dev", "eth0");
    ip("-n", name, "link", "set", "eth0", "up");
    // Servers tell each other where they are: no connection may pass the relays by.
    for (const peer of nodes) {
      if (peer !== node) ip("-n", name, "route", "add", "blackhole", `${this.addressOf(peer)}/32`);
    }
  }

  #plug(port: string): void {
    ip("-n", this.hub, "link", "set", port, "master", "br0");
    ip("-n", this.hub, "link", "set", port, "up");
  }
}

function ip(...words: readonly string[]): void {
  execFileSync("ip", words, { stdio: ["ignore", "ignore", "pipe"] });
}

function quietly(...words: readonly string[]): void {
  try {
    ip(...words);
  } catch {
    // It was not made, or is gone already.
  }
}

/** What a bench left behind that was killed with -9. */
function removeLeftovers(): void {
  for (const name of namesIn("/run/netns")) {
    const [, pid] = new RegExp(`^${prefix}(\\d+)(?:n\\d|hub|probe)$`).exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) quietly("netns", "del", name);
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  return namesIn(`/proc/${pid}`).length > 0;
}
