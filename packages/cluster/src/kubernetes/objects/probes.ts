/**
 * How a kubelet learns of a container's health: by a request to the pod's address, never by a program that it
 * would have to start in there every few seconds.
 */
import type { JsonObject } from "@agentflow/protocol";
import type { Part } from "../../model/installation.ts";

/** The startup probe gives the time that a start may take; the others count from then on. */
export function probesOf({ role, health }: Part): JsonObject {
  if (health === undefined) return {};
  const { port, everyMs, timeoutMs, retries } = health;
  const paths = role === "nats" ? natsPaths : { ...ourPaths, ready: health.path };
  const probe = (path: string, periodSeconds: number, failureThreshold: number): JsonObject => ({
    httpGet: { path, port },
    periodSeconds,
    timeoutSeconds: Math.max(1, Math.ceil(timeoutMs / 1_000)),
    failureThreshold,
  });
  const seconds = Math.ceil(everyMs / 1_000);
  return {
    // A part may wait for the one before it: nothing orders them but that.
    startupProbe: probe(paths.started, startEverySeconds, startTimes),
    readinessProbe: probe(paths.ready, seconds, 2),
    livenessProbe: probe(paths.live, 10, Math.max(6, retries)),
  };
}

const startEverySeconds = 2;
/** Ten minutes: a server that reads much data, or waits for its peers. */
const startTimes = 300;

const ourPaths = { started: "/livez", live: "/livez" } as const;

/** Ready does not ask for the streams: with one of three gone the two others must stay in their Service. */
const natsPaths = {
  started: "/healthz?js-server-only=true",
  ready: "/healthz?js-server-only=true",
  live: "/healthz?js-enabled-only=true",
} as const;
