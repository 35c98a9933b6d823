import { createHash } from "node:crypto";
import type { Part } from "../installation.ts";
import { paths } from "../paths.ts";
import type { Rendering } from "../rendering.ts";
import { natsCopies, ports, sorted } from "../settings.ts";
import { prepareCommand } from "./keys.ts";

/** Undefined when the target names a server of its own. */
export function natsPart({ target, images }: Rendering): Part | undefined {
  const copies = natsCopies(target);
  const limits = target.settings.limits["nats"];
  if (copies === 0 || limits === undefined) return undefined;
  return {
    name: "nats",
    role: "nats",
    replicas: copies,
    runs: "always",
    image: images.nats,
    command: ["nats-server", "--config", `${paths.keys}/nats.conf`],
    environment: sorted({
      // What the job before wrote is read at the start alone: other words of it mean another start.
      AF_PREPARED: createHash("sha256").update(prepareCommand(target).join("\0")).digest("hex").slice(0, 12),
      GOMEMLIMIT: `${Math.floor(limits.memoryMb * 0.8)}MiB`,
    }),
    nameIn: "AF_NODE",
    files: [],
    mounts: [
      { volume: "keys-nats", path: paths.keys, readOnly: true },
      { volume: "nats", path: paths.natsData, readOnly: false },
    ],
    ports: [ports.nats, ...(copies > 1 ? [ports.routes] : []), ports.monitor],
    health: {
      port: ports.monitor,
      path: "/healthz",
      everyMs: 2_000,
      timeoutMs: 2_000,
      retries: 5,
      startMs: 60_000,
    },
    limits,
    stopMs: 20_000,
    after: ["keys"],
  };
}
