/** The container of a development worker: started with its standard streams in our hands. */
import { AgentFlowError } from "@agentflow/protocol";
import type Docker from "dockerode";
import { type Duplex, PassThrough, type Readable, type Writable } from "node:stream";
import type { Engine } from "../engine/index.ts";
import { demultiplexed } from "../demultiplex.ts";
import { devWorkerContainer, type DevWorkerOptions } from "./options.ts";
import { devLabels } from "./places.ts";

export interface DevWorker {
  readonly id: string;
  /** Its standard output and input. */
  readonly input: Readable;
  readonly output: Writable;
  /** What it says beside them, in lines as they come. */
  readonly complaints: Readable;
  /** How it ended: `code 1`, `out of memory`, or that the engine is gone. */
  readonly exited: Promise<string>;
  /** Ends it and all in it now. Harmless when it has ended. */
  kill(): Promise<void>;
}

/** Throws what the engine says when there is no such image, or no container to be had. */
export async function startDevWorker(engine: Engine, options: DevWorkerOptions): Promise<DevWorker> {
  const doing = "starting the worker's container";
  const container = await engine.ask(doing, (docker) => docker.createContainer(devWorkerContainer(options)));
  try {
    const line = await engine.ask(doing, () => attach(container));
    const exited = endOf(container);
    await engine.ask(doing, () => container.start());
    const { stdout, stderr } = outputsOf(line);
    return {
      id: container.id,
      input: stdout,
      output: line,
      complaints: stderr,
      exited,
      kill: () => removeNow(container),
    };
  } catch (error) {
    await removeNow(container);
    throw error;
  }
}

/** Removes what earlier ones left behind: containers under this key of another session. How many. */
export async function sweepDevWorkers(engine: Engine, of: { key: string; session: string }): Promise<number> {
  const found = await engine.ask("looking for containers that were left behind", (docker) =>
    docker.listContainers({ all: true, filters: { label: [`${devLabels.key}=${of.key}`] } }),
  );
  const left = found.filter(({ Labels }) => Labels[devLabels.session] !== of.session);
  await Promise.all(left.map(({ Id }) => removeNow(engine.docker.getContainer(Id))));
  return left.length;
}

async function attach(container: Docker.Container): Promise<Duplex> {
  const line = await container.attach({
    stream: true,
    hijack: true,
    stdin: true,
    stdout: true,
    stderr: true,
  });
  if (isDuplex(line)) return line;
  throw new AgentFlowError("internal", "the engine gave no line to the container");
}

function outputsOf(line: Duplex): { readonly stdout: Readable; readonly stderr: Readable } {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const end = (): void => {
    stdout.end();
    stderr.end();
  };
  demultiplexed(line, {
    stdout: (bytes) => void stdout.write(bytes),
    stderr: (bytes) => void stderr.write(bytes),
    end,
  });
  // What the line breaks of is told by its end.
  line.on("error", () => line.destroy());
  line.once("close", end);
  return { stdout, stderr };
}

function isDuplex(stream: NodeJS.ReadWriteStream): stream is Duplex {
  return "destroy" in stream && "writableEnded" in stream;
}

/** Asked before it starts: afterwards it may be gone already. */
async function endOf(container: Docker.Container): Promise<string> {
  try {
    const answer: unknown = await container.wait({ condition: "removed" });
    return `code ${statusIn(answer)}`;
  } catch (error) {
    return `the engine is gone: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function statusIn(answer: unknown): string {
  if (typeof answer !== "object" || answer === null || !("StatusCode" in answer)) return "unknown";
  return String(answer.StatusCode);
}

async function removeNow(container: Docker.Container): Promise<void> {
  // Gone, or going by itself.
  await container.remove({ force: true }).catch(() => undefined);
}
