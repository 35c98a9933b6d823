import type { Mount, Part } from "../installation.ts";
import { paths } from "../paths.ts";
import type { Rendering } from "../rendering.ts";
import { natsCopies, poolNames } from "../settings.ts";

/** Makes identities, the first token and the configuration of NATS, once; what is there it keeps. */
export function keysPart({ target, images }: Rendering): Part {
  return {
    name: "keys",
    role: "keys",
    replicas: 1,
    runs: "once",
    image: images.controlPlane,
    command: prepareCommand(target),
    environment: {},
    files: [],
    mounts: mountsOf(natsCopies(target)),
    ports: [],
    limits: { cpus: 1, memoryMb: 256, pids: 128 },
    stopMs: 5_000,
    after: [],
  };
}

export function prepareCommand(target: Rendering["target"]): readonly string[] {
  const pools = poolNames(target).flatMap((pool) => ["--pool", pool]);
  const copies = natsCopies(target);
  const memory = Math.floor((target.settings.limits["nats"]?.memoryMb ?? 512) / 4);
  const nats = copies === 0 ? [] : ["--store", paths.natsData, "--memory-mb", String(memory)];
  return ["bus", "prepare", paths.prepare.root, "--nats", String(copies), ...nats, ...pools];
}

function mountsOf(copies: number): readonly Mount[] {
  const { prepare } = paths;
  const own = (volume: string, path: string): Mount => ({ volume, path, readOnly: false });
  return [
    ...(copies === 0 ? [] : [own("keys-nats", prepare.nats)]),
    own("keys-control-plane", prepare.controlPlane),
    ...(copies === 0 ? [] : [own("keys-worker", prepare.worker)]),
    own("keys-register", prepare.register),
    // The image of NATS is not ours, so its volume gets its owner here.
    ...prepare.data
      .slice(0, copies)
      .map((path, n) => ({ volume: "nats", copy: n + 1, path, readOnly: false })),
  ];
}
