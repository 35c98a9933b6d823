/** A backup into an installation of containers: its bus is reached from its own network alone. */
import { createReadStream } from "node:fs";
import { PassThrough, Readable } from "node:stream";
import { AgentFlowError } from "@agentflow/protocol";
import type Docker from "dockerode";
import { hardening } from "../model/hardening.ts";
import { labels } from "../model/names.ts";
import { paths } from "../model/paths.ts";
import { carrierPart } from "./carrier.ts";
import { demultiplexed } from "./demultiplex.ts";
import { parseExit } from "./doctor/parse-info.ts";
import { type Installed, type ObservedContainer, observe } from "./observe.ts";
import { nothingRuns, type Restarting, restartParts } from "./restart.ts";
import { tarOfFile } from "./tar.ts";

export interface RestoringInto extends Omit<Restarting, "names" | "wait"> {
  readonly file: { readonly path: string; readonly bytes: number };
  /** More words for `af restore`, as `--accept-faults`. */
  readonly flags: readonly string[];
  /** What the restore says of its progress, line by line. */
  readonly said: (line: string) => void;
}

/** How `af restore` ended in the container, with what it printed. */
export interface RestoreEnd {
  readonly exitCode: number;
  readonly stdout: string;
}

const folder = "/restore";
const fileName = "backup.zst";

/**
 * Ends the control planes and workers, restores in a container that is as a control plane is, and starts all
 * of them again, however the restore ended: also those that one which was cut off has left ended. What the
 * container was given goes with it.
 */
export async function restoreInto(restoring: RestoringInto): Promise<RestoreEnd> {
  const { engine, of, signal } = restoring;
  const { containers } = await observe(engine, of);
  const like = containers.find(({ part }) => part === "control-plane");
  if (like === undefined) throw nothingRuns(of);
  const working = containers.filter(({ part }) => part === "control-plane" || part.startsWith("worker-"));
  const at = working.filter(({ state }) => state === "running" || state === "restarting");
  let end: RestoreEnd;
  try {
    await stopAll(at, restoring);
    signal.throwIfAborted();
    end = await restoreLike(like, restoring);
    if (end.exitCode === 0) await forgetTheEmptyOne(containers, restoring);
  } catch (error) {
    // Also after an interruption. Why it failed says more than that what is half restored does not serve.
    await startAgain(working, containers, restoring).catch(() => undefined);
    throw error;
  }
  const started = startAgain(working, containers, restoring);
  await (end.exitCode === 0 ? started : started.catch(() => undefined));
  return end;
}

/** Ends when each has, also where one fails: what is started again is not stopped behind that. */
async function stopAll(all: readonly ObservedContainer[], restoring: RestoringInto): Promise<void> {
  const ends = await Promise.allSettled(all.map(async (one) => stop(one, restoring)));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/**
 * Each control plane remembers beside its state whom it serves, and serves nobody else: until now that was
 * the empty installation which `af up` had made.
 */
async function forgetTheEmptyOne(
  containers: readonly ObservedContainer[],
  { engine, of }: RestoringInto,
): Promise<void> {
  const all = containers.filter(({ part }) => part === "control-plane");
  await engine.ask("letting the control planes serve what was restored", async (docker) => {
    for (const { id } of all) {
      const info = await docker.getContainer(id).inspect();
      const command = { Entrypoint: ["node", "-e", forget], Cmd: [`${paths.state}/installation.json`] };
      const container = await docker.createContainer({ ...optionsLike(info, of), ...command });
      try {
        await container.start();
        const code = parseExit(await container.wait());
        if (code !== 0) throw new Error(`${info.Name.replace(/^\//, "")}: exit code ${code}`);
      } finally {
        await container.remove({ force: true, v: true });
      }
    }
  });
}

const forget = 'require("node:fs").rmSync(process.argv[1], { force: true })';

async function stop({ id, name }: ObservedContainer, { engine, progress }: RestoringInto): Promise<void> {
  progress.container(name, "stopping");
  await engine.ask(`ending ${name}`, async (docker) => {
    await docker.getContainer(id).stop().catch(unlessEnded);
  });
}

/** It may have ended by itself meanwhile. */
function unlessEnded(error: unknown): void {
  if (error instanceof Error && "statusCode" in error && error.statusCode === 304) return;
  throw error;
}

async function startAgain(
  working: readonly ObservedContainer[],
  all: readonly ObservedContainer[],
  restoring: RestoringInto,
): Promise<void> {
  const register = all.filter(({ part }) => part === "register");
  const names = [...working, ...register].map(({ part, copy }) => `${part}-${copy}`);
  const untouched = new AbortController().signal;
  await restartParts({ ...restoring, names, wait: true, signal: untouched });
}

async function restoreLike(like: ObservedContainer, restoring: RestoringInto): Promise<RestoreEnd> {
  const { engine, of, file, signal } = restoring;
  return engine.ask(`restoring into ${of.target}`, async (docker) => {
    const info = await docker.getContainer(like.id).inspect();
    const command = { Cmd: restoreCommand(info, restoring) };
    const container = await docker.createContainer({ ...optionsLike(info, of), ...command });
    const end = (): void => void container.kill().catch(() => undefined);
    try {
      signal.addEventListener("abort", end, { once: true });
      const uid = Number(hardening.user.split(":")[0]);
      const entry = { path: fileName, bytes: file.bytes, uid, content: createReadStream(file.path) };
      await container.putArchive(Readable.from(tarOfFile(entry)), { path: folder, abortSignal: signal });
      signal.throwIfAborted();
      return await followed(container, restoring);
    } finally {
      signal.removeEventListener("abort", end);
      await container.remove({ force: true, v: true });
    }
  });
}

function restoreCommand(info: Docker.ContainerInspectInfo, { flags }: RestoringInto): string[] {
  const told = (info.Config.Env ?? []).find((one) => one.startsWith("AF_BUS__SERVERS="));
  if (told === undefined) {
    throw new AgentFlowError("internal", `${info.Name.replace(/^\//, "")} is not told where its bus is`);
  }
  const servers = told.slice(told.indexOf("=") + 1);
  return ["restore", `${folder}/${fileName}`, "--bus", servers, "--json", ...flags];
}

/** The control plane's image, identity, settings and network; no port, no health check, run once. */
function optionsLike(
  info: Docker.ContainerInspectInfo,
  { project, target }: Installed,
): Docker.ContainerCreateOptions {
  const mounts = info.Mounts.map(({ Name, Destination, RW }) => ({
    Type: "volume" as const,
    Source: Name ?? "",
    Target: Destination,
    ReadOnly: !RW,
  }));
  // Without a name the engine makes a volume of its own, which goes with the container.
  const own = { Type: "volume" as const, Source: "", Target: folder };
  return {
    Image: info.Image,
    User: info.Config.User,
    Env: info.Config.Env ?? [],
    Healthcheck: { Test: ["NONE"] },
    Labels: { [labels.project]: project, [labels.target]: target, [labels.part]: carrierPart },
    HostConfig: {
      ...info.HostConfig,
      PortBindings: {},
      RestartPolicy: { Name: "no" },
      Binds: [],
      Mounts: [...mounts, own],
    },
  };
}

async function followed(container: Docker.Container, { said, signal }: RestoringInto): Promise<RestoreEnd> {
  const stream = await container.attach({ stream: true, stdout: true, stderr: true });
  const stdout: Buffer[] = [];
  let rest = "";
  const ended = new Promise<void>((resolve) => {
    stream.on("close", () => resolve());
    // A line that breaks: the engine says how the container ended, or that it is gone too.
    stream.on("error", () => resolve());
    demultiplexed(stream.pipe(new PassThrough()), {
      stdout: (bytes) => void stdout.push(bytes),
      stderr: (bytes) => {
        const lines = (rest + bytes.toString("utf8")).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) said(line);
      },
      end: () => resolve(),
    });
  });
  await container.start();
  // What came before it ran could end nothing.
  if (signal.aborted) await container.kill().catch(() => undefined);
  const exitCode = parseExit(await container.wait());
  await ended;
  return { exitCode, stdout: Buffer.concat(stdout).toString("utf8") };
}
