/** Two control planes and their workers on one nats-server under the matrix, each a service of its own. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { type Client, createClient } from "@agentflow/sdk/client";
import { afBin } from "../embedded/dev.ts";
import { NODE, freePort, killPid, retry, sleep } from "../lib/children.ts";
import { benchNatsCommand } from "../lib/nats-server.ts";
import { commandLine, descendants, processTable } from "../lib/process-table.ts";
import { type Installation, type InstallationOptions, kindAt } from "./installation.ts";
import type { Kill } from "./recovery.ts";
import { Unit } from "./unit.ts";

export interface NatsOptions extends InstallationOptions {
  readonly sync: "2m" | "always";
  readonly workers: number;
}

const execute = promisify(execFile);
const names = ["a", "b"] as const;
const shardCount = 64;
/** A lease is 5 s. */
const threeLeasesMs = 15_500;
const settleWithinMs = 60_000;

export async function natsInstallation(options: NatsOptions): Promise<Installation> {
  const { dir, project, sync, workers } = options;
  const { command, words, url: bus, monitor } = await benchNatsCommand(dir, sync);
  const nats = new Unit({ dir, name: "nats", command, words });
  const ports = [await freePort(), await freePort()];
  const servers = names.map((name, i) => {
    const state = path.join(dir, `state-${name}`);
    const serve = ["server", "--bus", bus, "--state", state, "--node", name, "--port", String(ports[i])];
    return Unit.af({ dir, name: `server-${name}`, words: serve, env: { AF_BUS__MONITOR: monitor } });
  });
  const hands = Array.from({ length: workers }, (_, i) => {
    const work = ["worker", "-C", project, "--bus", bus, "--slots", "64"];
    return Unit.af({ dir, name: `worker-${i + 1}`, words: work });
  });
  for (const unit of [nats, ...servers, ...hands]) unit.start();
  const clients = await Promise.all(
    names.map(async (name, i) => {
      const file = path.join(dir, `state-${name}`, "token");
      const token = await retry(async () => readFileSync(file, "utf8").trim());
      const url = `http://127.0.0.1:${ports[i]}`;
      await retry(async () => createClient({ url, token, retryForMs: 0 }).status());
      return { url, token, client: createClient({ url, token, retryForMs: 1_000 }) };
    }),
  );
  const doors = clients.map(({ client }) => client);
  await register(project, clients);
  const installation = new Nats({ ...options, nats, servers, hands, doors });
  await installation.settle();
  installation.remember();
  return installation;
}

/** Once a worker has told what it can run; then both know it. */
async function register(
  project: string,
  [first, ...others]: readonly { readonly url: string; readonly token: string; readonly client: Client }[],
): Promise<void> {
  if (first === undefined) return;
  await retry(async () => {
    if ((await first.client.tools.list()).items.length === 0) throw new Error("no worker has told of a tool");
  });
  const env = { ...process.env, AF_TOKEN: first.token };
  await execute(NODE, [afBin, "workflow", "register", "-C", project, "--url", first.url], { env });
  for (const { client } of others) {
    await retry(async () => {
      if ((await client.workflows.list()).items.length === 0) throw new Error("the other knows of none");
    });
  }
}

interface Parts extends NatsOptions {
  readonly nats: Unit;
  readonly servers: readonly Unit[];
  readonly hands: readonly Unit[];
  readonly doors: readonly Client[];
}

class Nats implements Installation {
  readonly kinds = [
    "runner",
    "supervisor",
    "control a",
    "control b",
    "both controls",
    "nats-server",
    "everything",
    "stopped",
    "nats-restart",
  ];
  readonly pauseMsMax = 5_000;
  readonly note: string;
  readonly #parts: Parts;
  readonly #faults: string[] = [];
  #pids = "";
  #restarts = 0;
  #struck = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.note = `nats-server (sync_interval ${parts.sync}), 2 af server, ${parts.workers} af worker`;
  }

  choose(roll: number): string {
    return kindAt(
      [
        // The tasks of a killed worker come back after 30 s: struck often, nothing else would be seen.
        ["runner", 28],
        ["supervisor", 8],
        ["control a", 15],
        ["control b", 15],
        ["both controls", 9],
        ["nats-server", 19],
        ["everything", 6],
      ],
      roll,
    );
  }

  async strike(what: string): Promise<Kill | undefined> {
    this.#struck.add(what);
    if (what === "stopped") return this.#pause();
    if (what === "nats-restart") return this.#restartNats();
    const atMs = Date.now();
    const isStruck = what === "runner" ? this.#killRunner() : this.#kill(this.#unitsOf(what));
    return isStruck ? { what, atMs } : undefined;
  }

  clients(): readonly Client[] {
    return this.#parts.doors;
  }

  /** Both answer, and each has its half. */
  async settle(): Promise<void> {
    for (const [i, door] of this.#parts.doors.entries()) {
      await retry(async () => {
        const { nodes = [] } = await door.status();
        const halves = nodes.filter(({ state, shards }) => state === "live" && shards === shardCount / 2);
        if (halves.length !== names.length) throw new Error(`${names[i]} sees ${JSON.stringify(nodes)}`);
      }, settleWithinMs);
    }
  }

  /** From now on these processes count as those that were there from the beginning. */
  remember(): void {
    this.#pids = this.#ours();
  }

  async faults(): Promise<readonly string[]> {
    const { nats, servers, hands, doors } = this.#parts;
    const faults = [...this.#faults, ...[nats, ...servers, ...hands].flatMap((unit) => unit.faults)];
    const onlyNats = [...this.#struck].every((what) => what.startsWith("nats"));
    const now = this.#ours();
    if (onlyNats && now !== this.#pids)
      faults.push(`processes of ours were started anew: ${this.#pids} → ${now}`);
    for (const [i, door] of doors.entries()) {
      const { runs } = await door.status();
      const open = (runs["running"] ?? 0) + (runs["parked"] ?? 0);
      if (open > 0) faults.push(`server ${names[i]} still shows ${open} open runs: ${JSON.stringify(runs)}`);
    }
    return faults;
  }

  async stop(): Promise<void> {
    const { nats, servers, hands, doors } = this.#parts;
    for (const door of doors) door.close();
    await Promise.all([...hands, ...servers].map((unit) => unit.stop()));
    await nats.stop();
  }

  #unitsOf(what: string): readonly Unit[] {
    const { nats, servers, hands, random } = this.#parts;
    const [a, b] = servers;
    const one: { readonly [what: string]: Unit | undefined } = {
      supervisor: hands[Math.floor(random() * hands.length)],
      "control a": a,
      "control b": b,
      "nats-server": nats,
    };
    if (what === "both controls") return servers;
    if (what === "everything") return [nats, ...servers, ...hands];
    return [one[what]].flatMap((unit) => unit ?? []);
  }

  /** Runners end with their supervisor, so of a worker only that is struck. */
  #kill(units: readonly Unit[]): boolean {
    return units.map((unit) => unit.strike("SIGKILL")).includes(true);
  }

  #killRunner(): boolean {
    const runners = descendants(this.#parts.hands.flatMap(({ pid }) => pid ?? [])).filter(isRunner);
    const pid = runners[Math.floor(this.#parts.random() * runners.length)];
    return pid !== undefined && killPid(pid);
  }

  /**
   * A control plane that is paused for three leases: the other takes everything over, and what the first
   * still believes when it wakes must change nothing.
   */
  async #pause(): Promise<Kill | undefined> {
    const { servers, doors, random } = this.#parts;
    const at = random() < 0.5 ? 0 : 1;
    const [pid, other] = [servers[at]?.pid, doors[1 - at]];
    if (pid === undefined || other === undefined) return undefined;
    process.kill(pid, "SIGSTOP");
    const atMs = Date.now();
    await sleep(threeLeasesMs);
    const { nodes = [] } = await other.status();
    const held = nodes.find(({ node }) => node === names[1 - at])?.shards;
    if (held !== shardCount)
      this.#faults.push(`${held} shards of ${shardCount} were taken from a paused one`);
    process.kill(pid, "SIGCONT");
    await sleep(1_000);
    return { what: "stopped", atMs };
  }

  /** In turn asked to end, and killed. */
  async #restartNats(): Promise<Kill | undefined> {
    const signal = this.#restarts++ % 2 === 0 ? "SIGTERM" : "SIGKILL";
    const atMs = Date.now();
    return this.#parts.nats.strike(signal) ? { what: "nats-restart", atMs } : undefined;
  }

  /** Every process of ours, as text. */
  #ours(): string {
    const roots = [...this.#parts.servers, ...this.#parts.hands].flatMap(({ pid }) => pid ?? []);
    return descendants(roots, processTable())
      .toSorted((x, y) => x - y)
      .join(" ");
  }
}

function isRunner(pid: number): boolean {
  return /runtime\/(dist|src)\/runner\/main\.[jt]s/.test(commandLine(pid));
}
