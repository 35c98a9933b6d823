/** `af up`, step by step: have the images, make the engine carry the target, keep how to reach it. */
import type { Images, Installation, OpenedTarget } from "@agentflow/cluster";
import type { Applied, Change, PlanOptions } from "@agentflow/cluster/docker";
import type { Engine, EngineAddress } from "@agentflow/cluster/engine";
import type { Environment } from "../config/context-places.ts";
import { saveContext } from "../config/contexts.ts";
import { type Addresses, writtenAddresses } from "../config/parse-contexts.ts";
import { buildTargetImages } from "./images.ts";
import { runningImages } from "./running-images.ts";
import { engineSocketOf } from "./engine-socket.ts";
import type { ProjectTarget } from "./open.ts";
import { type ProjectSecrets, projectSecrets } from "./secrets.ts";
import type { Shown } from "./progress.ts";

export interface Upping {
  readonly project: ProjectTarget;
  readonly engine: Engine;
  readonly address: EngineAddress;
  readonly version: string;
  readonly environment: Environment;
  /** `running`: those of what runs, whatever the project's code is by now. */
  readonly build: "when needed" | "always" | "never" | "named" | "running";
  readonly progress: Shown;
  readonly signal: AbortSignal;
}

export interface Prepared extends TargetImages {
  readonly secrets: ProjectSecrets;
  readonly installation: Installation;
}

/** Images and secrets of now, and what they make together. Changes nothing but the images. */
export async function prepareUp(upping: Upping): Promise<Prepared> {
  const { project, version, engine } = upping;
  const { dir, target } = project;
  const { checkMachine } = await import("@agentflow/cluster/docker");
  await checkMachine(engine, target);
  const [{ images, built, notes }, secrets] = await Promise.all([
    imagesFor(upping),
    projectSecrets(dir, target),
  ]);
  const installation = await rendered(target, { images, version, secrets: secrets.names });
  return { images, built, notes, secrets, installation };
}

interface TargetImages {
  readonly images: Images;
  /** References of those that were built now. */
  readonly built: readonly string[];
  /** What a person should know, such as a missing lock file. */
  readonly notes: readonly string[];
}

async function imagesFor(upping: Upping): Promise<TargetImages> {
  const { project, engine, build } = upping;
  const { target } = project;
  if (build !== "running") return built(upping, build);
  const { observe } = await import("@agentflow/cluster/docker");
  const of = { project: target.project.name, target: target.name };
  const { worker, ...others } = runningImages(target, await observe(engine, of));
  if (worker !== undefined) return { images: { ...others, worker }, built: [], notes: [] };
  // No worker runs: the first one is of the code of now.
  const { images } = await built(upping, "when needed");
  return { images: { ...others, worker: images.worker }, built: [], notes: [] };
}

async function built(
  { project, engine, version, progress, signal }: Upping,
  build: Exclude<Upping["build"], "running">,
): Promise<TargetImages> {
  const { dir, target } = project;
  const made = await buildTargetImages({ dir, target, engine, version, build, progress, signal });
  const references = made.built.flatMap(({ reference, fromCache }) => (fromCache ? [] : [reference]));
  return { images: made.images, built: references, notes: made.notes };
}

export async function rendered(
  target: OpenedTarget,
  of: { readonly images: Images; readonly version: string; readonly secrets: readonly string[] },
): Promise<Installation> {
  const [{ render }, engine] = await Promise.all([import("@agentflow/cluster"), engineSocketOf(target)]);
  return render({ target, ...of, ...engine });
}

/** What `af up` would change; touches nothing. */
export async function planUp(
  engine: Engine,
  installation: Installation,
  recreate: boolean,
): Promise<readonly Change[]> {
  const { checkNames, knownImageIds, objectsOf, observe, pendingChanges, planChanges } = await import(
    "@agentflow/cluster/docker"
  );
  const desired = objectsOf(installation);
  await checkNames(engine, desired);
  const [images, observed] = await Promise.all([knownImageIds(engine, desired), observe(engine, desired)]);
  return pendingChanges(planChanges(desired, observed, { images, ...(recreate ? { recreate: "all" } : {}) }));
}

export interface Making {
  readonly wait: boolean;
  readonly timeoutMs: number;
  readonly recreate?: PlanOptions["recreate"];
  readonly only?: PlanOptions["only"];
}

export interface Up {
  readonly applied: Applied;
  readonly url: string;
  /** Of all control planes, `url` first. */
  readonly urls: Addresses;
  /** The file of the context. */
  readonly context: string;
}

/** Makes it so, waits, and saves the context with the token that the installation made. */
export async function makeUp(
  upping: Upping,
  { installation, secrets }: Prepared,
  making: Making,
): Promise<Up> {
  const { engine, address, project, progress, signal } = upping;
  const { apply, objectsOf, observe, readToken, realPace } = await import("@agentflow/cluster/docker");
  const applied = await apply({
    engine,
    desired: objectsOf(installation),
    secrets: secrets.values,
    progress,
    signal,
    pace: realPace,
    ...making,
  });
  const token = await readToken(engine, await observe(engine, installation));
  const urls = apiUrls(installation);
  const context = saveContext({
    name: installation.target,
    kind: "docker",
    ...writtenAddresses(urls),
    token,
    folder: project.dir,
    project: installation.project,
    target: installation.target,
    engine: address,
  });
  return { applied, url: urls[0], urls, context };
}

/** As the engine's own machine sees them: each control plane is published under a port of its own. */
function apiUrls({ api: { host, port, part }, parts }: Installation): Addresses {
  const any = host === "0.0.0.0" || host === "::";
  const name = any ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  const at = (copy: number): string => `http://${name}:${port + copy}`;
  const copies = parts.find((one) => one.name === part)?.replicas ?? 1;
  return [at(0), ...Array.from({ length: copies - 1 }, (_, n) => at(n + 1))];
}
