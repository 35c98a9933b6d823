/** A supervisor in a container of this machine's engine: all that it says and hears goes through one line. */
import type { DevWorker, DevWorkerOptions } from "@agentflow/cluster/dev";
import type { Engine } from "@agentflow/cluster/engine";
import { AgentFlowError } from "@agentflow/protocol";
import type { Given, SupervisorConfig, Tunnel } from "@agentflow/runtime/supervise";
import { createServer, connect, type Server } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import type { SupervisorProcess } from "../supervisor-process.ts";

export interface ContainedOptions {
  readonly engine: Engine;
  readonly container: DevWorkerOptions;
  /** Asked each time that a worker is configured. */
  readonly given: () => Given;
  /** A line that it says beside its channel: a complaint of Node's, as a rule. */
  readonly onComplaint: (line: string) => void;
}

/** An image on a slow disk takes its time to start; one that says nothing for so long never will. */
const speaksWithinMs = 60_000;
const complaintsKept = 8;

/** In its container, waiting to be configured. Throws when none can be had, or when it ends at once. */
export async function startContained(options: ContainedOptions): Promise<ContainedSupervisor> {
  const [{ startDevWorker }, runtime] = await Promise.all([
    import("@agentflow/cluster/dev"),
    import("@agentflow/runtime/supervise"),
  ]);
  const worker = await startDevWorker(options.engine, options.container);
  const complaints = readComplaints(worker, options.onComplaint);
  const bus = { socket: "" };
  const spoken = Promise.withResolvers<Duplex>();
  const { streamNames } = runtime;
  const tunnel = runtime.openTunnel(worker, {
    side: "outside",
    onStream(name, stream) {
      if (name === streamNames.control) spoken.resolve(stream);
      else if (name === streamNames.bus && bus.socket !== "") join(stream, connect(bus.socket));
      else stream.destroy();
    },
  });
  const late = setTimeout(() => void worker.kill(), speaksWithinMs);
  const line = await Promise.race([spoken.promise, worker.exited]);
  clearTimeout(late);
  if (typeof line === "string") throw endedAtOnce(line, complaints, options);
  return new ContainedSupervisor({ worker, tunnel, line, bus, options, names: streamNames });
}

interface Parts {
  readonly worker: DevWorker;
  readonly tunnel: Tunnel;
  readonly line: Duplex;
  /** Where its connections to the bus lead. */
  readonly bus: { socket: string };
  readonly options: ContainedOptions;
  readonly names: { readonly given: string; readonly port: string };
}

export class ContainedSupervisor implements SupervisorProcess {
  readonly exited: Promise<string>;
  readonly line: Duplex;
  readonly #parts: Parts;
  #hasExited = false;
  #door: Server | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.line = parts.line;
    // One whose line is gone hears nobody any more: it ends by itself, and is ended where it cannot.
    void parts.tunnel.closed.then(() => this.kill());
    this.exited = parts.worker.exited.then((reason) => {
      this.#hasExited = true;
      this.#door?.close();
      parts.line.destroy();
      return reason;
    });
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  kill(): void {
    void this.#parts.worker.kill();
  }

  killRunners(): void {
    // They went with the container.
  }

  async prepare({ bus, inspectPort }: SupervisorConfig): Promise<void> {
    if (bus.kind === "embedded") this.#parts.bus.socket = bus.socket;
    if (inspectPort !== undefined) this.openPort(inspectPort);
    await this.give();
  }

  /** Secrets and variables as they are now; what starts from then on gets them. */
  async give(): Promise<void> {
    const { tunnel, names, options } = this.#parts;
    const stream = tunnel.open(names.given);
    // Closed by the other side once all is in force.
    const taken = new Promise((resolve) => stream.once("close", resolve));
    stream.resume();
    stream.end(JSON.stringify(options.given()));
    await taken;
  }

  /** A port of this machine's loopback that leads to the same one in the container: a debugger's. */
  openPort(port: number): void {
    if (this.#door !== undefined) return;
    const { tunnel, names } = this.#parts;
    this.#door = createServer((socket) => join(socket, tunnel.open(`${names.port}${port}`)));
    // Taken already: whoever attaches finds somebody else there, and the line about it stands on the screen.
    this.#door.on("error", (error) => this.#parts.options.onComplaint(`port ${port}: ${error.message}`));
    this.#door.listen(port, "127.0.0.1");
    this.#door.unref();
  }
}

function join(one: Duplex, other: Duplex): void {
  pipeline(one, other, () => other.destroy());
  pipeline(other, one, () => one.destroy());
}

function readComplaints({ complaints }: DevWorker, onLine: (line: string) => void): readonly string[] {
  const kept: string[] = [];
  let rest = "";
  complaints.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = (lines.pop() ?? "").slice(0, 4_096);
    for (const line of lines) {
      if (line.trim() === "") continue;
      kept.push(line);
      if (kept.length > complaintsKept) kept.shift();
      onLine(line);
    }
  });
  return kept;
}

function endedAtOnce(
  how: string,
  complaints: readonly string[],
  { container }: ContainedOptions,
): AgentFlowError {
  const said = complaints.find((line) => line.startsWith(unseen));
  if (said !== undefined) {
    return new AgentFlowError("refused", `the engine does not see the project: ${said}`, {
      reason: "project_not_shared",
      details: { projectDir: container.projectDir, user: container.user },
      suggestions: [
        "share its folder with the engine's machine (Docker Desktop: Settings, Resources, File sharing)",
        `or let user ${container.user} read it: chmod -R o+rX ${container.projectDir}`,
        "or without containers: af dev",
      ],
    });
  }
  const last = complaints.length === 0 ? "" : `: ${complaints.join(" / ")}`;
  return new AgentFlowError("unavailable", `the worker's container ended at once (${how})${last}`, {
    reason: "worker_container_ended",
    details: { image: container.image },
    suggestions: ["af doctor", "or without containers: af dev"],
  });
}

/** How a worker begins the line that says it cannot read the project. */
const unseen = "no project";
