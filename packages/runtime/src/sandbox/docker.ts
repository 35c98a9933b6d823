/** Sandboxes on a Docker engine: a container a call, made, held against what was asked, and removed. */
import type { Clock } from "@agentflow/host/clock";
import { AgentFlowError, type Json } from "@agentflow/protocol";
import { type EngineFacts, appliedOf, jsonAt, jsonList, jsonText } from "./applied.ts";
import { demuxed } from "./demux.ts";
import { type Engine, type EngineAddress, openEngine } from "./engine.ts";
import { type SandboxShape, containerOf, sandboxLabels } from "./shape.ts";
import type { OpenSandbox, SandboxExit, SandboxRequest, SandboxSource } from "./source.ts";
import { unavailable } from "./unavailable.ts";

export interface DockerSandboxes extends EngineAddress {
  /** Name of the image; the newest worker image on the engine when left out. */
  readonly image?: string | undefined;
  readonly shape: Omit<SandboxShape, "image" | "binds">;
  /** Looked up for each call: files come and go. */
  readonly binds: () => readonly string[];
  readonly clock: Clock;
}

const workerImages = "agentflow/worker";
const ofProjects = ["project", "steps"];
/** Podman and Docker since 2019 speak it. */
const apiMin = 1.4;
/** After its time a container may still be on its way out. */
const lateMs = 10_000;
const sweepEveryMs = 60_000;

export interface DockerSource extends SandboxSource {
  /** Once: removes what a predecessor under the same owner left, and what anybody left past its time. */
  sweep(): Promise<number>;
}

export function dockerSandboxes(options: DockerSandboxes): DockerSource {
  return new Source(options);
}

class Source implements DockerSource {
  readonly #options: DockerSandboxes;
  #engine: Engine | undefined;
  #facts: Promise<EngineFacts> | undefined;
  #swept: Promise<number> | undefined;
  #sweptMs: number | undefined;
  #isAsked = false;
  readonly #open = new Map<OpenSandbox, Promise<unknown>>();

  constructor(options: DockerSandboxes) {
    this.#options = options;
  }

  async open(request: SandboxRequest, onOutput: (chunk: Buffer) => void): Promise<OpenSandbox> {
    const { shape: fixed, binds, clock } = this.#options;
    this.#isAsked = true;
    const engine = this.#opened();
    const [facts, image] = await Promise.all([this.#known(engine), this.#imageId(engine)]);
    // Before there is one of its own, which the first sweep would take for a leftover.
    await this.sweep().catch(() => undefined);
    this.#sweepNowAndThen(engine);
    const shape: SandboxShape = { ...fixed, image, binds: binds() };
    const id = await create(engine, containerOf(shape, request, clock.now()));
    try {
      const socket = await engine.attach(id);
      const exited = this.#exitOf(engine, id);
      const stream = demuxed(socket, onOutput);
      await engine.ask("POST", `/containers/${id}/start`);
      const inspected = await engine.ask("GET", `/containers/${id}/json`);
      const applied = appliedOf(inspected, { shape, request, engine: facts });
      const sandbox: OpenSandbox = { stream, applied, exited, kill: () => void kill(engine, id) };
      const gone = exited.finally(() => this.#open.delete(sandbox));
      this.#open.set(
        sandbox,
        gone.catch(() => undefined),
      );
      return sandbox;
    } catch (error) {
      await remove(engine, id);
      throw refusedBy(error, "it was not started");
    }
  }

  sweep(): Promise<number> {
    const { clock, shape } = this.#options;
    this.#swept ??= sweep(this.#opened(), { owner: shape.owner, now: clock.now() }).catch(
      (error: unknown) => {
        // An engine that was not there is asked again, as long as nothing of our own can be on it.
        if (!this.#isAsked) this.#swept = undefined;
        throw error;
      },
    );
    this.#sweptMs ??= clock.monotonic();
    return this.#swept;
  }

  #opened(): Engine {
    this.#engine ??= openEngine(this.#options);
    return this.#engine;
  }

  async close(): Promise<void> {
    for (const sandbox of this.#open.keys()) sandbox.kill();
    await Promise.all(this.#open.values());
    this.#engine?.close();
  }

  /** Asked once; an engine that was not there is asked again. */
  #known(engine: Engine): Promise<EngineFacts> {
    this.#facts ??= factsOf(engine).catch((error: unknown) => {
      this.#facts = undefined;
      throw error;
    });
    return this.#facts;
  }

  async #imageId(engine: Engine): Promise<string> {
    const { image } = this.#options;
    const name = image ?? (await newestWorkerImage(engine));
    try {
      const id = jsonAt(await engine.ask("GET", `/images/${encodeURIComponent(name)}/json`), "Id");
      if (typeof id === "string") return id;
    } catch (error) {
      if (!AgentFlowError.is(error) || error.code !== "not_found") throw error;
    }
    throw unavailable(`the image ${name} is not on the engine at ${engine.host}`, [
      "af image build",
      "set sandbox.image to an image that is there",
    ]);
  }

  async #exitOf(engine: Engine, id: string): Promise<SandboxExit> {
    let code = -1;
    let outOfMemory = false;
    try {
      const waited = await engine.ask("POST", `/containers/${id}/wait?condition=next-exit`);
      code = Number(jsonAt(waited, "StatusCode"));
      outOfMemory = jsonAt(await engine.ask("GET", `/containers/${id}/json`), "State", "OOMKilled") === true;
    } catch {
      // The engine went away, or somebody removed it: it is over either way.
    }
    await remove(engine, id);
    return { code, outOfMemory };
  }

  /** What any of them left past its time. */
  #sweepNowAndThen(engine: Engine): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    if (now - (this.#sweptMs ?? now) < sweepEveryMs) return;
    this.#sweptMs = now;
    void sweep(engine, { owner: undefined, now: clock.now() }).catch(() => undefined);
  }
}

async function factsOf(engine: Engine): Promise<EngineFacts> {
  const [version, info] = await Promise.all([engine.ask("GET", "/version"), engine.ask("GET", "/info")]);
  const api = Number(jsonAt(version, "ApiVersion"));
  // 1.9 is older than 1.41: the part behind the point is a number of its own.
  const minor = Number(jsonText(version, "ApiVersion").split(".")[1] ?? 0);
  if (!(Math.floor(api) > 1 || minor >= apiMin * 100 - 100)) {
    throw unavailable(`the Docker engine at ${engine.host} is too old (API ${String(api)})`, [
      "update Docker to 20.10 or newer",
    ]);
  }
  for (const [key, what] of limitsNeeded) {
    if (jsonAt(info, key) === true) continue;
    throw unavailable(`the engine at ${engine.host} cannot limit ${what}`, ["run `af doctor`"]);
  }
  return {
    version: jsonText(version, "Version"),
    seccomp: seccompOf(info),
    defaultRuntime: jsonText(info, "DefaultRuntime"),
  };
}

const limitsNeeded = [
  ["MemoryLimit", "memory"],
  ["PidsLimit", "processes"],
  ["CpuCfsQuota", "cores"],
] as const;

/** Without any filter of system calls there is no sandbox. */
function seccompOf(info: Json): string {
  const options = jsonList(jsonAt(info, "SecurityOptions")).map((one) => jsonText(one));
  const seccomp = options.find((option) => option.startsWith("name=seccomp"));
  if (seccomp === undefined) throw unavailable("the engine filters no system calls (seccomp)", []);
  return /profile=([^,]+)/.exec(seccomp)?.[1] ?? "default";
}

async function newestWorkerImage(engine: Engine): Promise<string> {
  const filters = encodeURIComponent(JSON.stringify({ reference: [workerImages] }));
  const images = jsonList(await engine.ask("GET", `/images/json?filters=${filters}`));
  // A project may be called `worker`: its image has code of its own.
  const ours = images.filter((one) => !ofProjects.includes(jsonText(one, "Labels", "dev.agentflow.image")));
  const newest = ours.sort((a, b) => Number(jsonAt(b, "Created")) - Number(jsonAt(a, "Created")))[0];
  const id = newest === undefined ? undefined : jsonAt(newest, "Id");
  if (typeof id === "string") return id;
  throw unavailable(`there is no image ${workerImages} on the engine at ${engine.host}`, [
    "af image build",
    "set sandbox.image to an image that is there",
  ]);
}

async function create(engine: Engine, body: object): Promise<string> {
  try {
    const id = jsonAt(await engine.ask("POST", "/containers/create", body), "Id");
    if (typeof id === "string") return id;
  } catch (error) {
    throw refusedBy(error, "no container was made");
  }
  throw unavailable("the engine made no container", []);
}

/** What the engine says against it, such as a runtime that it does not have. */
function refusedBy(error: unknown, what: string): unknown {
  if (!AgentFlowError.is(error) || error.reason === "sandbox_unavailable") return error;
  return unavailable(`${what}: ${error.message}`, ["run `af doctor`"], error);
}

async function kill(engine: Engine, id: string): Promise<void> {
  await engine.ask("POST", `/containers/${id}/kill`).catch(() => undefined);
}

async function remove(engine: Engine, id: string): Promise<void> {
  await engine.ask("DELETE", `/containers/${id}?force=1&v=1`).catch(() => undefined);
}

/** Removes sandboxes of that owner, and those of anybody that are past their time. */
export async function sweep(
  engine: Engine,
  of: { readonly owner: string | undefined; readonly now: number },
): Promise<number> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${sandboxLabels.sandbox}=1`] }));
  const listed = jsonList(await engine.ask("GET", `/containers/json?all=1&filters=${filters}`));
  const over = listed.filter((one) => {
    const owner = jsonAt(one, "Labels", sandboxLabels.owner);
    const until = Number(jsonAt(one, "Labels", sandboxLabels.until));
    return owner === of.owner || until + lateMs < of.now;
  });
  await Promise.all(over.map((one) => remove(engine, jsonText(one, "Id"))));
  return over.length;
}
