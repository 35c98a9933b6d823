/**
 * Whether a sandbox is really without a network. A NetworkPolicy is only a wish: some clusters keep it and do
 * nothing. So a program in the pod tries to reach what every pod reaches that nobody hinders: the API server.
 */
import type { Clock } from "@agentflow/host/clock";
import { unavailable } from "../unavailable.ts";
import type { ClusterApi } from "./api.ts";

export interface Door {
  readonly host: string;
  readonly port: number;
}

export interface NetworkLooking {
  readonly api: ClusterApi;
  readonly clock: Clock;
  readonly closed?: Door;
}

/** One node enforces for all of its pods: it is asked again after so long. */
const trustedMs = 600_000;

/** Some networks close a pod only after it has started: those are tried for a while, and never trusted. */
const script = `
const own = [process.env.KUBERNETES_SERVICE_HOST, process.env.KUBERNETES_SERVICE_PORT];
const [host, port] = process.argv.length > 1 ? process.argv.slice(1) : own;
if (!host || !port) process.exit(5);
const until = Date.now() + 5000;
let opened = 0;
const look = () => {
  const socket = require("net").connect({ host, port: Number(port) });
  const end = (open) => {
    socket.destroy();
    if (!open) process.exit(opened === 0 ? 0 : 4);
    opened++;
    if (Date.now() > until) process.exit(3);
    setTimeout(look, 250);
  };
  socket.setTimeout(1000, () => end(false));
  socket.once("connect", () => end(true));
  socket.once("error", () => end(false));
};
look();`;

const late = 4;

export class NetworkLook {
  readonly #of: NetworkLooking;
  readonly #nodes = new Map<string, number>();

  constructor(of: NetworkLooking) {
    this.#of = of;
  }

  /** Throws `sandbox_unavailable` where the pod reaches the API server, or nobody can tell. */
  async check({ pod, node }: { readonly pod: string; readonly node: string }): Promise<void> {
    const { api, clock, closed } = this.#of;
    const since = this.#nodes.get(node);
    if (since !== undefined && clock.monotonic() - since < trustedMs) return;
    const said: string[] = [];
    const words = closed === undefined ? [] : [closed.host, String(closed.port)];
    const command = ["node", "-e", script, ...words];
    const onErrors = (chunk: Buffer): void => void said.push(chunk.toString("utf8").slice(0, 200));
    const program = await api.exec({ pod, command, onErrors });
    program.stream.resume();
    const code = await program.ended;
    if (code === 0) this.#nodes.set(node, clock.monotonic());
    if (code === 0 || code === late) return;
    if (code === 3) {
      throw unavailable(`its pod on node ${node} reaches the API server: nobody enforces NetworkPolicies`, [
        "use a network that does: Calico, Cilium, …",
        "is the policy there: kubectl get networkpolicies",
      ]);
    }
    const why = said.join("").trim().split("\n")[0] ?? "";
    throw unavailable(`whether the pod has a network cannot be told (exit code ${code}) ${why}`.trim(), [
      "sandbox.image has to be a worker image of this release",
    ]);
  }
}
