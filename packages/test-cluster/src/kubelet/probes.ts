/** Probes of containers: asked in their period, judged by their thresholds. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Running, Sandbox } from "../runtime/runtime.ts";
import type { Container, Probe } from "../world/parse-kinds.ts";
import type { World } from "../world/world.ts";

export interface Probed {
  readonly container: Container;
  readonly running: Running;
  readonly sandbox: Sandbox;
}

export interface Watched {
  /** Called once with each change of the verdict. */
  readonly judged: (healthy: boolean) => void;
  /** Each failure, with the words of the kubelet. */
  readonly failed: (output: string) => void;
}

/** Probes until it is stopped. Answers with what stops it. */
export function watchProbe(world: World, probe: Probe, of: Probed, watched: Watched): () => void {
  let stopped = false;
  let cancel: () => void = () => undefined;
  let good = 0;
  let bad = 0;
  let verdict: boolean | undefined;
  const round = async () => {
    const fault = await ask(probe, of);
    if (stopped) return;
    if (fault === undefined) {
      good += 1;
      bad = 0;
    } else {
      bad += 1;
      good = 0;
      watched.failed(fault);
    }
    const now =
      good >= (probe.successThreshold ?? 1) ? true : bad >= (probe.failureThreshold ?? 3) ? false : verdict;
    if (now !== undefined && now !== verdict) {
      verdict = now;
      watched.judged(now);
    }
    if (!isStopped()) cancel = world.time.after(probe.periodSeconds ?? 10, () => void round());
  };
  const isStopped = () => stopped;
  cancel = world.time.after(probe.initialDelaySeconds ?? 0, () => void round());
  return () => {
    stopped = true;
    cancel();
  };
}

/** Answers with what is wrong, if anything. */
async function ask(probe: Probe, of: Probed): Promise<string | undefined> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  if (probe.exec !== undefined) return askProgram(probe.exec.command, of.running, timeoutMs);
  if (probe.tcpSocket !== undefined) {
    return askSocket(of.sandbox, portOf(of.container, probe.tcpSocket.port));
  }
  if (probe.httpGet !== undefined) return askHttp(probe.httpGet, of, timeoutMs);
  return undefined;
}

export function portOf(container: Container, port: number | string): number {
  if (typeof port === "number") return port;
  return container.ports?.find((one) => one.name === port)?.containerPort ?? Number(port);
}

async function askProgram(
  command: readonly string[],
  running: Running,
  timeoutMs: number,
): Promise<string | undefined> {
  try {
    const execution = await running.exec({ command, stdin: false, tty: false });
    const output: Buffer[] = [];
    execution.onOutput((_, chunk) => output.push(chunk));
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      execution.kill();
    }, timeoutMs);
    const end = await execution.ended;
    clearTimeout(timer);
    const name = JSON.stringify(command.join(" "));
    if (late) return `command timed out: ${name} timed out after ${timeoutMs / 1000}s`;
    if ("error" in end) return end.error;
    return end.exitCode === 0 ? undefined : Buffer.concat(output).toString();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function askSocket(sandbox: Sandbox, port: number): Promise<string | undefined> {
  try {
    const socket = await sandbox.connect(port);
    socket.destroy();
    return undefined;
  } catch {
    return `dial tcp ${sandbox.address}:${port}: connect: connection refused`;
  }
}

function askHttp(
  get: NonNullable<Probe["httpGet"]>,
  { container, sandbox }: Probed,
  timeoutMs: number,
): Promise<string | undefined> {
  const port = portOf(container, get.port);
  const secure = get.scheme === "HTTPS";
  const path = get.path ?? "/";
  const url = `${secure ? "https" : "http"}://${sandbox.address}:${port}${path}`;
  const headers = Object.fromEntries((get.httpHeaders ?? []).map((one) => [one.name, one.value]));
  return new Promise((resolve) => {
    const done = (fault: string | undefined) => {
      clearTimeout(timer);
      sent.destroy();
      resolve(fault);
    };
    const timer = setTimeout(
      () => done(`Get "${url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`),
      timeoutMs,
    );
    const options = {
      host: sandbox.probeHost ?? sandbox.address,
      port,
      path,
      headers: { "user-agent": "kube-probe/1.36", accept: "*/*", ...headers },
      agent: false,
      rejectUnauthorized: false,
    };
    const sent = secure ? httpsRequest(options) : httpRequest(options);
    sent.on("response", (answer) => {
      const status = answer.statusCode ?? 0;
      answer.resume();
      const fine = status >= 200 && status < 400;
      done(fine ? undefined : `HTTP probe failed with statuscode: ${status}`);
    });
    sent.on("error", (error) => {
      const refused = "code" in error && error.code === "ECONNREFUSED";
      const why = refused ? "connect: connection refused" : error.message;
      done(`Get "${url}": dial tcp ${sandbox.address}:${port}: ${why}`);
    });
    sent.end();
  });
}
