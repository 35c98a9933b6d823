/** From a target to the installation that it is: pure, and the same each time. */
import type { ApiDoor, Installation, Part, Volume } from "./installation.ts";
import { controlPlanePart } from "./parts/control-plane.ts";
import { keysPart } from "./parts/keys.ts";
import { natsPart } from "./parts/nats.ts";
import { registerPart } from "./parts/register.ts";
import { sandboxPart } from "./parts/sandbox.ts";
import { workerParts } from "./parts/worker.ts";
import type { Rendering } from "./rendering.ts";
import { ports, secretsOf } from "./settings.ts";
import type { OpenedTarget } from "./target.ts";

export function render(rendering: Rendering): Installation {
  const { target, version } = rendering;
  const secrets = secretsOf(rendering);
  const parts: readonly (Part | undefined)[] = [
    keysPart(rendering),
    natsPart(rendering),
    controlPlanePart(rendering),
    sandboxPart(rendering),
    ...workerParts(rendering),
    registerPart(rendering),
  ];
  return {
    project: target.project.name,
    target: target.name,
    version,
    parts: parts.filter((part) => part !== undefined),
    volumes: volumesOf(target),
    secrets,
    api: { part: "control-plane", ...doorOf(target) },
  };
}

/** In a cluster: where the ingress is, or the end of a forward that somebody opens. */
function doorOf({ settings }: OpenedTarget): Omit<ApiDoor, "part"> {
  if (settings.kind === "docker") return settings.api;
  const { ingress } = settings;
  if (ingress === undefined) return { host: "127.0.0.1", port: ports.api };
  return { host: ingress.host, port: ingress.tlsSecret === undefined ? 80 : 443 };
}

function volumesOf({ settings, project }: OpenedTarget): readonly Volume[] {
  const ownNats = settings.nats.url === undefined;
  const keys = (name: string): Volume => ({ name, each: false, holds: "keys" });
  return [
    ...(ownNats ? [keys("keys-nats")] : []),
    keys("keys-control-plane"),
    ...(ownNats ? [keys("keys-worker")] : []),
    keys("keys-register"),
    ...(project.sandbox === undefined ? [] : [keys("sandbox")]),
    ...(ownNats ? [{ name: "nats", each: true, holds: "data" } as const] : []),
    { name: "control-plane", each: true, holds: "state" },
    { name: "files", each: false, holds: "data" },
  ];
}
