/** `af deploy --out`: nothing is built, pushed or asked of a cluster. */
import { needProject } from "../config/installation.ts";
import { openProjectTarget } from "../targets/open.ts";
import type { Shown } from "../targets/progress.ts";
import { projectSecrets } from "../targets/secrets.ts";
import {
  parseReleaseOut,
  type ReleaseOut,
  type WrittenRelease,
  writeRelease,
} from "../targets/write-release.ts";
import { chooseClusterTarget } from "./choose.ts";
import { deployImages } from "./images.ts";
import type { OpeningDeploy } from "./open.ts";

export interface Outing extends OpeningDeploy {
  readonly out: string;
  readonly keda: boolean;
  readonly version: string;
  /** `PART=REFERENCE`, as typed. */
  readonly named: readonly string[];
  readonly progress: Shown;
  readonly signal: AbortSignal;
}

export interface Outed extends WrittenRelease {
  readonly out: ReleaseOut;
  readonly target: string;
}

export async function deployOut(outing: Outing): Promise<Outed> {
  const { folder, environment, version, named, progress, signal } = outing;
  const out = await parseReleaseOut(outing.out, folder);
  const name = chooseClusterTarget({ ...outing, dir: needProject(folder) });
  const project = await openProjectTarget({ folder, environment, target: name, scale: [] });
  const { onKubernetes } = await import("@agentflow/cluster");
  onKubernetes(project.target);
  const wanted = { on: { project }, version, build: "named", named, progress, signal } as const;
  const [{ images, notes }, secrets] = await Promise.all([
    deployImages(wanted),
    projectSecrets(project.dir, project.target),
  ]);
  const rendering = { target: project.target, images, version, secrets: secrets.names };
  const written = await writeRelease(out, { rendering, capabilities: { keda: outing.keda } });
  return { ...written, out, target: name, notes: [...notes, ...written.notes] };
}
