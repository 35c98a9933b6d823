/** The workers of `af dev --on docker`: which engine, which image, and the containers that come of it. */
import type { DevWorkerOptions } from "@agentflow/cluster/dev";
import type { Engine } from "@agentflow/cluster/engine";
import type { SecretStore } from "@agentflow/host/secrets";
import { AgentFlowError } from "@agentflow/protocol";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, realpathSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import path from "node:path";
import type { SpawnSupervisor, SupervisorProcess } from "../supervisor-process.ts";
import { type ContainedSupervisor, startContained } from "./contained-supervisor.ts";
import { givenTo } from "./given.ts";
import type { ContainerChoice } from "./options.ts";
import { devTarget, type DevTarget } from "./target.ts";

export interface ContainerWorkersOptions extends ContainerChoice {
  readonly dir: string;
  /** Of `af`. */
  readonly version: string;
  readonly secrets: SecretStore;
  /** A stage of making the image begins. */
  readonly onStep: (text: string) => void;
  readonly onComplaint: (line: string) => void;
  readonly signal: AbortSignal;
}

/** A worker and its runners; `limits` of the target's `worker-default` say otherwise. */
const usualLimits = { cpus: 2, memoryMb: 1_024, pids: 512 } as const;
/** Of the base image, for engines that do not share this machine's users. */
const imageUser = "1000:1000";

export class ContainerWorkers {
  readonly #options: ContainerWorkersOptions;
  readonly #engine: Engine;
  readonly #target: DevTarget;
  readonly #key: string;
  readonly #session = randomBytes(6).toString("hex");
  #image: string | undefined;
  #current: ContainedSupervisor | undefined;

  /** Refuses an engine that cannot see this machine's files; the image is not looked for yet. */
  static async open(options: ContainerWorkersOptions): Promise<ContainerWorkers> {
    const target = await devTarget(options.dir, options.target);
    const { findEngine, isRemote, openEngine } = await import("@agentflow/cluster/engine");
    const { host, dockerContext } = target.target;
    const address = await findEngine({
      ...(host === undefined ? {} : { host }),
      ...(dockerContext === undefined ? {} : { context: dockerContext }),
      ...(target.name === undefined ? {} : { target: target.name }),
      environment: process.env,
      home: homedir(),
    });
    if (isRemote(address)) throw elsewhere(address);
    return new ContainerWorkers(options, { engine: await openEngine(address), target });
  }

  private constructor(
    options: ContainerWorkersOptions,
    of: { readonly engine: Engine; readonly target: DevTarget },
  ) {
    this.#options = options;
    this.#engine = of.engine;
    this.#target = of.target;
    this.#key = createHash("sha256").update(realpathSync(options.dir)).digest("hex").slice(0, 12);
  }

  /** For the first screen: where the code runs. */
  get place(): string {
    const { kind, version, address } = this.#engine;
    return `in a container of ${this.#image ?? "no image"} (${kind} ${version}, ${address.from})`;
  }

  /** Makes the image first when it is not there. */
  readonly spawn: SpawnSupervisor = async (): Promise<SupervisorProcess> => {
    const { dir, secrets, onComplaint } = this.#options;
    this.#image ??= await this.#build();
    const supervisor = await startContained({
      engine: this.#engine,
      container: this.#container(this.#image),
      given: () => givenTo(dir, secrets),
      onComplaint,
    });
    this.#current = supervisor;
    return supervisor;
  };

  /** After the dependencies have changed: true when there is another image for them now. */
  async rebuild(): Promise<boolean> {
    const before = this.#image;
    this.#image = await this.#build();
    return this.#image !== before;
  }

  /** Secrets have changed: the worker gets them as they are now. */
  giveAgain(): void {
    void this.#current?.give();
  }

  openPort(port: number): void {
    this.#current?.openPort(port);
  }

  /** Removes what earlier ones left behind; for whoever owns the project's state. */
  async sweep(): Promise<number> {
    const { sweepDevWorkers } = await import("@agentflow/cluster/dev");
    return sweepDevWorkers(this.#engine, { key: this.#key, session: this.#session });
  }

  close(): void {
    this.#engine.close();
  }

  #build(): Promise<string> {
    return imageFor(this.#engine, this.#target, this.#options);
  }

  #container(image: string): DevWorkerOptions {
    const { dir, writable } = this.#options;
    const projectDir = realpathSync(dir);
    for (const folder of writable) mkdirSync(path.join(projectDir, folder), { recursive: true });
    const { environment = {}, limits = {} } = this.#target.target;
    const certificates = certificatesHere();
    return {
      image,
      // One that is replaced is still there for a while.
      name: `${this.#target.project}-dev-worker-${randomBytes(3).toString("hex")}`,
      projectDir,
      writable,
      // Ours is for this system, and holds keys; the image has node_modules of its own.
      hidden: ["node_modules", ".agentflow"].filter((one) => isFolder(path.join(projectDir, one))),
      key: this.#key,
      session: this.#session,
      user: userHere(),
      environment,
      limits: { ...usualLimits, ...limits["worker-default"] },
      ...(certificates === undefined ? {} : { certificates }),
    };
  }
}

function isFolder(place: string): boolean {
  return lstatSync(place, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** On Linux files keep their owner in the container; elsewhere the engine's machine maps them. Never root. */
function userHere(): string {
  const { uid, gid } = userInfo();
  return process.platform === "linux" && uid > 0 ? `${uid}:${gid}` : imageUser;
}

/** Roots that this machine's Node trusts beside its own. */
function certificatesHere(): string | undefined {
  const file = process.env["NODE_EXTRA_CA_CERTS"] ?? "";
  return file !== "" && existsSync(file) ? realpathSync(file) : undefined;
}

async function imageFor(
  engine: Engine,
  { project, target: { images } }: DevTarget,
  { dir, version, onStep, signal }: ContainerWorkersOptions,
): Promise<string> {
  const { devImage } = await import("@agentflow/cluster/dev");
  return devImage({
    engine,
    projectDir: dir,
    project,
    version,
    environment: process.env,
    home: homedir(),
    nowMs: () => performance.now(),
    signal,
    progress: { step: onStep, line: () => undefined },
    ...(images === undefined ? {} : { images }),
  });
}

function elsewhere({ host, from }: { readonly host: string; readonly from: string }): AgentFlowError {
  return new AgentFlowError("refused", `the engine at ${host} cannot see this folder (said by ${from})`, {
    reason: "engine_elsewhere",
    details: { host, from },
    suggestions: ["an engine of this machine: DOCKER_HOST=unix:///var/run/docker.sock", "af up", "af dev"],
  });
}
