/** All of it: the network, three nodes, two control planes, workers, and clients on both. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { writeProject } from "../embedded/project.ts";
import { evidenceFiles } from "../kills/evidence.ts";
import { NODE, sleep, start as startProcess } from "../lib/children.ts";
import type { Target } from "./faults.ts";
import { ClusterLoad } from "./load.ts";
import { Network, nodes } from "./network.ts";
import { Nodes } from "./nodes.ts";
import { clusterProject } from "./project.ts";
import { ControlPlane, type Service, WorkerService } from "./services.ts";
import { Wires } from "./wires.ts";

export interface InstallationOptions {
  readonly dir: string;
  /** A module that breaks the control planes on purpose. */
  readonly preload: string | undefined;
  /** Runs in flight at each control plane. */
  readonly inFlight: number;
  readonly stepMs: number;
}

/** Longer than anything here is away: a client that gives up before is a fault. */
const retryForMs = 180_000;

export class Installation implements Target {
  readonly network: Network;
  readonly nodes: Nodes;
  readonly wires: Wires;
  readonly controlPlanes: readonly ControlPlane[];
  readonly workers: readonly WorkerService[];
  readonly loads: readonly ClusterLoad[];

  private constructor(of: Target & Pick<Installation, "controlPlanes" | "workers" | "loads">) {
    this.network = of.network;
    this.nodes = of.nodes;
    this.wires = of.wires;
    this.controlPlanes = of.controlPlanes;
    this.workers = of.workers;
    this.loads = of.loads;
  }

  /** Under load, and everything well. */
  static async start({ dir, preload, inFlight, stepMs }: InstallationOptions): Promise<Installation> {
    const project = path.join(dir, "project");
    writeProject(project, clusterProject());
    const network = new Network();
    const wires = await Wires.open(dir, network);
    const servers = new Nodes(dir, network);
    await servers.startAll();
    const options = { dir, bus: servers.urls, ...(preload === undefined ? {} : { preload }) };
    const controlPlanes = [
      await ControlPlane.make("blue", options),
      await ControlPlane.make("green", options),
    ];
    const workers = ["w1", "w2"].map((name) => new WorkerService(name, { ...options, project }));
    for (const service of [...controlPlanes, ...workers]) service.start();
    for (const one of controlPlanes) await one.whenReady();
    await controlPlanes[0]?.register(project);
    const [ledger, told] = [path.join(dir, evidenceFiles.calls), path.join(dir, evidenceFiles.told)];
    const loads = controlPlanes.map(
      (one, i) =>
        new ClusterLoad({
          client: one.client(retryForMs),
          overSocket: i === 1,
          inFlight,
          ledger,
          told,
          stepMs,
        }),
    );
    const watcher = fileURLToPath(new URL("../peers/nats-epochs.mjs", import.meta.url));
    startProcess(dir, "epochs", NODE, [watcher, servers.urls, path.join(dir, evidenceFiles.losses)]);
    for (const load of loads) load.start();
    return new Installation({ network, nodes: servers, wires, controlPlanes, workers, loads });
  }

  get services(): readonly Service[] {
    return [...this.controlPlanes, ...this.workers];
  }

  /** How often a service ended by itself. */
  get revived(): number {
    return this.services.reduce((sum, service) => sum + service.revived, 0);
  }

  count(what: "accepted" | "ended"): number {
    return this.loads.reduce((sum, load) => sum + load[what].size, 0);
  }

  /** Whatever is still at fault is so no longer, and all answer. */
  async heal(): Promise<void> {
    this.network.heal();
    await this.nodes.whenHealthy(nodes);
    for (const one of this.controlPlanes) await one.whenReady();
  }

  /** Nothing new; false when runs were still open after `ms`. */
  async finish(ms: number): Promise<boolean> {
    const finished = await Promise.all(this.loads.map((load) => load.finish(ms)));
    return finished.every(Boolean);
  }

  async stop(): Promise<void> {
    await Promise.all(this.services.map((service) => service.end("SIGTERM")));
    await Promise.all(nodes.map((node) => this.nodes.end(node, "SIGTERM")));
    await sleep(100);
    this.network.remove();
  }
}
