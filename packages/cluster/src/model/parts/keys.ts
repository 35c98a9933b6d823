import { kubernetesLabels } from "../../kubernetes/labels.ts";
import type { Mount, Part } from "../installation.ts";
import { releaseName } from "../names.ts";
import { paths } from "../paths.ts";
import type { Rendering } from "../rendering.ts";
import { natsCopies, natsHostOf, poolNames } from "../settings.ts";

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
    mounts: target.settings.kind === "kubernetes" ? [] : mountsOf(natsCopies(target)),
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
  const isCluster = target.settings.kind === "kubernetes";
  const nats = copies === 0 ? [] : ["--store", paths.natsData, "--memory-mb", String(memory)];
  return [
    "bus",
    "prepare",
    isCluster ? paths.prepare.scratch : paths.prepare.root,
    "--nats",
    String(copies),
    ...nats,
    ...pools,
    ...(isCluster ? clusterFlags(target) : []),
  ];
}

/** A cluster keeps them as Secrets; which builds there will be nobody knows yet. */
function clusterFlags(target: Rendering["target"]): readonly string[] {
  const release = releaseName({ project: target.project.name, target: target.name });
  const hosts = natsCopies(target) === 0 ? [] : ["--hosts", natsHostOf(target, "{n}"), "--any-build"];
  const labels = { [kubernetesLabels.project]: target.project.name, [kubernetesLabels.target]: target.name };
  const told = Object.entries(labels).flatMap(([label, value]) => ["--label", `${label}=${value}`]);
  return [...hosts, "--secrets", release, ...told];
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
