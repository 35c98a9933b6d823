/**
 * The supervisor process. Its configuration comes over fd 3 from whoever started it; when that closes, it
 * ends.
 */
import { type Bus } from "@agentflow/bus";
import { type Log, createLog, toSink } from "@agentflow/host/log";
import { openSecrets } from "@agentflow/host/secrets";
import { systemWorld } from "@agentflow/host/world";
import type { LogRecord } from "@agentflow/protocol";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Channel, type Message, openChannel } from "./channel/frames.ts";
import { parseToSupervisor } from "./channel/parse-messages.ts";
import type { BusAddress, FromSupervisor, SupervisorConfig } from "./channel/supervisor-messages.ts";
import { makeWorker } from "./worker/make-worker.ts";
import { parseLogLine } from "./worker/parse-task.ts";
import type { Worker } from "./worker/worker.ts";

const busGoneExitMs = 1_000;

/** Starts what it is told to. `adapt` makes of what it was told what holds where this process runs. */
export class Supervisor {
  readonly #channel: Channel;
  readonly #adapt: (config: SupervisorConfig) => Promise<SupervisorConfig>;
  #worker: Worker | undefined;
  /** Settles once there is a worker: what is asked for before waits for it. */
  readonly #made = Promise.withResolvers<void>();
  #bus: Bus | undefined;
  #log: Log | undefined;
  #stopping = false;

  constructor(stream: Duplex, adapt = async (config: SupervisorConfig) => config) {
    this.#adapt = adapt;
    this.#channel = openChannel(stream, (message) => this.#receive(message));
    // Whoever started us is gone, and with it the bus: nothing is left to say; reapers end the runners.
    void this.#channel.closed.then(() => process.exit(0));
    // The terminal's Ctrl-C reaches the whole group: whoever started us says when to stop.
    process.on("SIGINT", () => {});
    process.on("SIGTERM", () => void this.#exit(0));
    // Most are asked for this one: it is there when the configuration comes.
    void import("@agentflow/bus/embedded-client");
  }

  #receive(raw: Message): void {
    const message = parseToSupervisor(raw);
    switch (message[0]) {
      case "configure":
        void this.#start(message[1]).catch((error: unknown) => this.#fail(error));
        return;
      case "reload":
        void this.#reload(message[1]);
        return;
      case "level":
        this.#log?.setLevel(message[1]);
        return;
      case "inspect":
        this.#worker?.inspect(message[1]);
        return;
      case "drain":
        void this.#drain(message[1]);
        return;
    }
  }

  async #start(told: SupervisorConfig): Promise<void> {
    const config = await this.#adapt(told);
    const world = systemWorld();
    const secrets = openSecrets({ projectDir: config.projectDir, environment: process.env });
    secrets.watch(world.timers);
    const log = createLog({
      source: "worker",
      secrets: secrets.hidden,
      clock: world.clock,
      level: config.logLevel ?? "info",
      outputs: [toSink((line) => this.#passOn(parseLogLine(line), config))],
    });
    this.#log = log;
    const bus = await connectBus(config.bus);
    this.#bus = bus;
    void bus.closed.then(() => this.#exit(0));
    const worker = makeWorker(config, {
      bus,
      world,
      log,
      pid: process.pid,
      environment: process.env,
      secrets,
      events: {
        ready: (manifest, ms) => this.#say(["ready", { manifest, ms }]),
        broken: (problem) => this.#say(["broken", problem]),
        inspecting: (url) => this.#say(["inspecting", url]),
        runner: (note) => this.#say(["runner", note]),
      },
    });
    this.#worker = worker;
    this.#made.resolve();
    await worker.start();
  }

  async #reload(id: number): Promise<void> {
    // One that was just put in another's place may be told of a save before it has reached the bus.
    await this.#made.promise;
    const report = await this.#worker?.reload();
    if (report !== undefined) this.#say(["reloaded", id, report]);
  }

  async #drain(withinMs: number): Promise<void> {
    const left = (await this.#worker?.drain(withinMs)) ?? 0;
    this.#say(["drained", left]);
    await this.#exit(0);
  }

  #passOn(record: LogRecord, config: SupervisorConfig): void {
    this.#say(["log", [{ ...record, worker: config.worker }]]);
    this.#worker?.tell([record]);
  }

  #fail(error: unknown): void {
    process.stderr.write(
      `the worker could not start: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    void this.#exit(1);
  }

  async #exit(code: number): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await Promise.race([this.#close(), new Promise((resolve) => setTimeout(resolve, 2_000))]);
    process.exit(code);
  }

  async #close(): Promise<void> {
    await this.#worker?.stop();
    await this.#bus?.close();
    this.#channel.close();
  }

  #say(message: FromSupervisor): void {
    this.#channel.send(message);
  }
}

/** Only the client that is needed is loaded: each is some megabytes. */
async function connectBus(address: BusAddress): Promise<Bus> {
  if (address.kind === "embedded") {
    const { connectEmbedded } = await import("@agentflow/bus/embedded-client");
    return connectEmbedded({ path: address.socket, token: address.token, ownerGoneMs: busGoneExitMs });
  }
  const { openNats } = await import("@agentflow/bus/nats");
  const { kind: _nats, ...where } = address;
  return openNats({ ...where, role: "worker" });
}

// Importing a module does nothing: only the process that was started on this file becomes a supervisor.
if (process.argv[1] === import.meta.filename) {
  new Supervisor(new Socket({ fd: 3, readable: true, writable: true }));
}
