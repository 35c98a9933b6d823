/** Health of a worker over HTTP, for whoever watches services: `/livez` and `/readyz`. */
import type { NatsBus } from "@agentflow/bus/nats";
import type { World } from "@agentflow/host/clock";
import type { HealthKind } from "@agentflow/host/health";
import type { Worker } from "@agentflow/runtime";
import { AgentFlowError } from "@agentflow/protocol";
import { createServer } from "node:http";

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

const everyMs = 1_000;
/** A bus that said nothing for so long is not there: it is asked every second. */
const busMaxAgeMs = 5_000;

/** Nothing is served without a port. Answers carry names of checks and words, nothing of runs. */
export async function serveHealth(
  settings: { readonly host: string; readonly port?: number | undefined },
  of: { readonly bus: NatsBus; readonly worker: Worker; readonly world: World },
): Promise<HealthServer | undefined> {
  const { port, host } = settings;
  if (port === undefined) return undefined;
  const { health, stop } = await watch(of);
  const server = createServer((request, response) => {
    const kind: HealthKind | undefined =
      request.url === "/readyz" ? "readiness" : request.url === "/livez" ? "liveness" : undefined;
    const report = kind === undefined ? undefined : health.report(kind);
    response.writeHead(report === undefined ? 404 : report.ok ? 200 : 503, {
      "content-type": "application/json",
    });
    response.end(JSON.stringify(report ?? { ok: false }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(cannotListen(`${host}:${port}`, cause)));
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const at = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://${host}:${at}`,
    close: () =>
      new Promise((resolve) => {
        stop();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function watch({ bus, worker, world }: { bus: NatsBus; worker: Worker; world: World }) {
  const { createHealth } = await import("@agentflow/host/health");
  const health = createHealth(world);
  const live = health.add("process", { kind: "liveness", maxAgeMs: Number.MAX_SAFE_INTEGER });
  live.ok();
  const reaches = health.add("bus", { kind: "readiness", maxAgeMs: busMaxAgeMs });
  const code = health.add("code", { kind: "readiness", maxAgeMs: Number.MAX_SAFE_INTEGER });
  const look = (): void => {
    bus.queue.epoch().then(
      () => reaches.ok(),
      (error: unknown) => reaches.failed(AgentFlowError.is(error) ? error.reason : "failed"),
    );
    if (worker.isServing) code.ok();
    else code.failed("not_loaded");
  };
  look();
  return { health, stop: world.timers.every(everyMs, look, { background: true }) };
}

function cannotListen(where: string, cause: Error): AgentFlowError {
  return new AgentFlowError("unavailable", `cannot listen on ${where}: ${cause.message}`, {
    reason: "cannot_listen",
    suggestions: ["choose another port with --health-port"],
    cause,
  });
}
