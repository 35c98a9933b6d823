/** An installation that `af up` makes of a target in the bench's own project. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { labels } from "@agentflow/cluster";
import { type Client, createClient } from "@agentflow/sdk/client";
import { afBin } from "../embedded/dev.ts";
import { NODE, retry } from "../lib/children.ts";
import { type Engine, printed } from "./engine.ts";
import type { Box, Stack } from "./stack.ts";

const execute = promisify(execFile);
const struck = /^(nats|control-plane|worker-.*)$/;

export class UpStack implements Stack {
  readonly #engine: Engine;
  readonly #dir: string;
  readonly #project: string;
  readonly #target: string;

  constructor(of: {
    readonly engine: Engine;
    readonly dir: string;
    readonly project: string;
    readonly target: string;
  }) {
    this.#engine = of.engine;
    this.#dir = of.dir;
    this.#project = of.project;
    this.#target = of.target;
  }

  async up(): Promise<void> {
    await this.af("up", this.#target);
  }

  async down(): Promise<void> {
    await this.af("down", this.#target);
  }

  async remove(): Promise<void> {
    await this.af("down", this.#target, "--volumes", "--yes", "--force");
  }

  async boxes(): Promise<readonly Box[]> {
    const label = [`${labels.project}=${this.#project}`, `${labels.target}=${this.#target}`];
    const found = await this.#engine.docker.listContainers({ all: true, filters: { label } });
    return found
      .map(({ Names, Labels }) => ({
        name: (Names[0] ?? "").replace(/^\//, ""),
        part: Labels[labels.part] ?? "",
        copy: Number(Labels[labels.copy] ?? 0),
      }))
      .filter(({ part }) => struck.test(part))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  async clients(retryForMs: number): Promise<readonly Client[]> {
    const controlPlanes = (await this.boxes()).filter(({ part }) => part === "control-plane");
    const [first] = controlPlanes;
    if (first === undefined) throw new Error("there is no control plane");
    const token = (await this.read(first, (await this.variable(first, "AF_TOKEN_FILE")) ?? "")).trim();
    const urls = await Promise.all(controlPlanes.map((box) => this.#urlOf(box)));
    return urls.map((url) => createClient({ url, token, retryForMs }));
  }

  async read(box: Box, path: string): Promise<string> {
    return printed(this.#engine, box.name, [
      "node",
      "-p",
      `fs.readFileSync(${JSON.stringify(path)}, "utf8")`,
    ]);
  }

  async variable(box: Box, name: string): Promise<string | undefined> {
    const { Config } = await this.#engine.docker.getContainer(box.name).inspect();
    const found = Config.Env.find((one) => one.startsWith(`${name}=`));
    return found?.slice(name.length + 1);
  }

  /** The command line, in the project; what it says on stdout. */
  async af(...words: readonly string[]): Promise<string> {
    const { stdout } = await execute(NODE, [afBin, ...words, "-C", this.#dir, "--json"], {
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  }

  async #urlOf(box: Box): Promise<string> {
    return retry(async () => {
      const { NetworkSettings } = await this.#engine.docker.getContainer(box.name).inspect();
      const [bound] = Object.values(NetworkSettings.Ports).flatMap((ports) => ports ?? []);
      if (bound === undefined) throw new Error(`${box.name} publishes no port`);
      return `http://${bound.HostIp}:${bound.HostPort}`;
    });
  }
}
