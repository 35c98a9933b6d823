/** The process of the relays, in the hub's namespace. */
import { fileURLToPath } from "node:url";
import { NODE, start } from "../lib/children.ts";
import type { Network, NodeNumber } from "./network.ts";

const program = fileURLToPath(new URL("relay.ts", import.meta.url));

type Slow = readonly (readonly [node: NodeNumber, ms: number])[];

export class Wires {
  readonly #tell: (slow: Slow) => void;

  private constructor(tell: (slow: Slow) => void) {
    this.#tell = tell;
  }

  static async open(dir: string, network: Network): Promise<Wires> {
    const relays = network.relays().map((relay) => ({ ...relay, target: network.addressOf(relay.to) }));
    const words = ["netns", "exec", network.hub, NODE, program, JSON.stringify(relays)];
    const child = start(dir, "relay", "ip", words);
    await new Promise<void>((resolve, reject) => {
      child.once("message", () => resolve());
      child.once("exit", (code) => reject(new Error(`the relays ended with ${code}: see ${dir}/relay.log`)));
    });
    return new Wires((slow) => void child.send(slow.map(([node, ms]) => [node, ms])));
  }

  /** Each byte from or to this node takes so much longer. The result makes its wires quick again. */
  slow(node: NodeNumber, ms: number): () => void {
    this.#tell([[node, ms]]);
    return () => this.#tell([]);
  }
}
