/** Names and labels by which an installation's objects are found again on an engine. */
import { createHash } from "node:crypto";
import type { Installation, PartName } from "./installation.ts";

export const labels = {
  project: "dev.agentflow.project",
  target: "dev.agentflow.target",
  part: "dev.agentflow.part",
  /** 1, 2, … */
  copy: "dev.agentflow.copy",
  /** Hash of what the object was made from: differs, then it is made anew. */
  config: "dev.agentflow.config",
  version: "dev.agentflow.version",
  /** What is lost with a volume: `data`, `keys` or `state`. */
  holds: "dev.agentflow.holds",
  /** On volumes of one part's copies: how many there are; their data belongs together. */
  copies: "dev.agentflow.copies",
} as const;

type Named = Pick<Installation, "project" | "target">;

/** Also the name of the network and of the compose project. */
export function stackName({ project, target }: Named): string {
  return `${project}-${target}`;
}

/** Host name within the network. */
export function copyName(part: PartName, copy: number): string {
  return `${part}-${copy}`;
}

export function containerName(of: Named, part: PartName, copy: number): string {
  return `${stackName(of)}-${copyName(part, copy)}`;
}

export function volumeName(of: Named, volume: string): string {
  return `${stackName(of)}-${volume}`;
}

/** Begins the names of an installation's objects in a cluster, which leaves room for what follows it. */
export function releaseName(of: Named): string {
  return fitted(stackName(of), 40);
}

/** A name as it is, or its head with a hash of the whole where it would be too long. */
export function fitted(name: string, most: number): string {
  if (name.length <= most) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 6);
  return `${name.slice(0, most - hash.length - 1).replace(/-+$/, "")}-${hash}`;
}

/** Host of the n-th server of NATS, from 1. */
export function natsHost(release: string, copy: number | "{n}"): string {
  return `${release}-nats-${copy}.${release}-nats`;
}
