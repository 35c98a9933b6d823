/** Containers that are only tried out: labelled, limited as parts are, and removed whatever happens. */
import type Docker from "dockerode";
import type { ContainerCreateOptions } from "dockerode";
import { PassThrough } from "node:stream";
import { hardening } from "../../model/hardening.ts";
import type { Engine } from "../engine/open.ts";
import type { Pace } from "../pace.ts";
import { parseExit } from "./parse-info.ts";
import { demultiplexed } from "../demultiplex.ts";

const label = "dev.agentflow.doctor";
/** What is older was left by one that was killed. */
const leftOverMs = 3 * 60_000;
const endsWithinMs = 60_000;

export interface TrialRun {
  readonly name: string;
  readonly image: string;
  /** For Node, which is in every image of ours. */
  readonly script: string;
  readonly args: readonly string[];
  readonly network?: string;
  readonly publish?: { readonly host: string; readonly ports: readonly number[] };
}

export interface Ran {
  readonly exitCode: number;
  readonly output: string;
  /** Our clock just before it was started and when its first words came. */
  readonly startedMs: readonly [number, number];
}

export class Trial {
  readonly #engine: Engine;
  readonly #id: string;
  readonly #owner: string;
  readonly #pace: Pace;
  readonly #containers: Docker.Container[] = [];
  #network: Docker.Network | undefined;

  /** `owner`: the project; what a trial of another one left is not its business. */
  constructor(engine: Engine, of: { readonly owner: string; readonly id: string }, pace: Pace) {
    this.#engine = engine;
    this.#id = of.id;
    this.#owner = of.owner;
    this.#pace = pace;
  }

  /** Runs it to its end. */
  async run(of: TrialRun): Promise<Ran> {
    const container = await this.#create(of);
    return this.#engine.ask(`running a container of ${of.image}`, async () => {
      const stream = await container.attach({ stream: true, stdout: true, stderr: true });
      const fromMs = this.#pace.nowMs();
      let untilMs = fromMs;
      let output = "";
      const take = (bytes: Buffer): void => {
        if (output === "") untilMs = this.#pace.nowMs();
        output = (output + bytes.toString("utf8")).slice(-4_000);
      };
      const pipe = stream.pipe(new PassThrough());
      const ended = new Promise<void>((resolve) => {
        demultiplexed(pipe, { stdout: take, stderr: take, end: resolve });
        stream.on("close", resolve);
      });
      await container.start();
      const exitCode = await this.#end(container);
      await ended;
      return { exitCode, output, startedMs: [fromMs, untilMs] as const };
    });
  }

  /** Starts it and leaves it running; its name, by which others on its network find it. */
  async start(of: TrialRun): Promise<string> {
    const container = await this.#create(of);
    await this.#engine.ask(`starting a container of ${of.image}`, async () => {
      await container.start();
    });
    return this.#named(of.name);
  }

  async network(): Promise<string> {
    const name = this.#named("net");
    this.#network ??= await this.#engine.ask("making a network", (docker) => {
      return docker.createNetwork({ Name: name, Labels: { [label]: this.#owner } });
    });
    return name;
  }

  /** What earlier trials left that were killed. */
  async sweep(): Promise<void> {
    const oldest = this.#pace.nowMs() - leftOverMs;
    await this.#engine.ask("sweeping", async (docker) => {
      const filters = { label: [`${label}=${this.#owner}`] };
      const containers = await docker.listContainers({ all: true, filters });
      for (const { Id, Created } of containers) {
        if (Created * 1_000 < oldest) await gone(docker.getContainer(Id).remove({ force: true }));
      }
      for (const { Id, Created } of await docker.listNetworks({ filters })) {
        if (Date.parse(Created ?? "") < oldest) await gone(docker.getNetwork(Id).remove());
      }
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#containers.map((container) => gone(container.remove({ force: true, v: true }))));
    if (this.#network !== undefined) await gone(this.#network.remove());
  }

  /** One that does not end by itself is ended. */
  async #end(container: Docker.Container): Promise<number> {
    const done = new AbortController();
    const late = this.#pace.wait(endsWithinMs, done.signal).then(
      () => gone(container.kill()),
      () => undefined,
    );
    const exitCode = parseExit(await container.wait());
    done.abort();
    await late;
    return exitCode;
  }

  #named(name: string): string {
    return `agentflow-doctor-${this.#id}-${name}`;
  }

  async #create(of: TrialRun): Promise<Docker.Container> {
    const options = { ...optionsOf(of), name: this.#named(of.name), Labels: { [label]: this.#owner } };
    const container = await this.#engine.ask(`making a container of ${of.image}`, (docker) => {
      return docker.createContainer(options);
    });
    this.#containers.push(container);
    return container;
  }
}

function optionsOf({ image, script, args, network, publish }: TrialRun): ContainerCreateOptions {
  const ports = publish?.ports ?? [];
  return {
    Image: image,
    Entrypoint: ["node"],
    Cmd: ["-e", script, ...args],
    User: hardening.user,
    ExposedPorts: Object.fromEntries(ports.map((port) => [`${port}/tcp`, {}])),
    HostConfig: {
      ReadonlyRootfs: true,
      Tmpfs: { [hardening.tmpfs.path]: "size=16m" },
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      Init: true,
      Memory: 128 * 1024 ** 2,
      NanoCpus: 500_000_000,
      PidsLimit: 64,
      NetworkMode: network ?? (ports.length > 0 ? "bridge" : "none"),
      PortBindings: Object.fromEntries(
        ports.map((port) => [
          `${port}/tcp`,
          [{ HostIp: publish?.host ?? "127.0.0.1", HostPort: String(port) }],
        ]),
      ),
    },
  };
}

/** Whatever is gone already is as gone as it should be. */
async function gone(removing: Promise<unknown>): Promise<void> {
  await removing.catch(() => undefined);
}
