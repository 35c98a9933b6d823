/** A target of containers: its engine, what containers can do there, and the installation if it is up. */
import type { Engine } from "@agentflow/cluster/engine";
import { AgentFlowError } from "@agentflow/protocol";
import { randomBytes } from "node:crypto";
import { homedir } from "node:os";
import { chooseContext } from "../config/choose-context.ts";
import { contextPlaces } from "../config/context-places.ts";
import { findContext } from "../config/contexts.ts";
import { savedNames, targetsOf } from "../config/project-contexts.ts";
import { openProjectTarget, type ProjectTarget } from "../targets/open.ts";
import { apiChecks, failed } from "./api.ts";
import type { Check, Examined } from "./check.ts";
import { holderOfPort } from "./ports.ts";

/** All of it for the target that is named or in use; else only whether there is an engine. */
export async function dockerChecks(of: Examined): Promise<Check[]> {
  const { target: named, project: dir } = of;
  if (named !== undefined && dir !== undefined && isInCluster(dir, named)) return [];
  const name = targetOf(of);
  const id = randomBytes(4).toString("hex");
  const { environment, folder } = of;
  const { examineEngine } = await import("@agentflow/cluster/doctor");
  if (name === undefined) {
    const { checks, engine } = await examineEngine({ looking: lookingOf(of), id });
    engine?.close();
    return [...checks];
  }
  let opened: ProjectTarget;
  try {
    opened = await openProjectTarget({ folder, environment, target: name, scale: [] });
  } catch (error) {
    return [failed("target", error)];
  }
  const { target } = opened;
  const { onDocker } = await import("@agentflow/cluster");
  const settings = onDocker(target);
  const project = target.project.name;
  const { host, dockerContext: context } = settings;
  const looking = {
    ...lookingOf(of),
    target: name,
    ...(host === undefined ? {} : { host }),
    ...(context === undefined ? {} : { context }),
  };
  const holder = (port: number): string | undefined => {
    const found = holderOfPort(port);
    return found === undefined ? undefined : `${found.command} (process ${found.pid})`;
  };
  const { checks, engine } = await examineEngine({
    looking,
    target: { project, name, settings },
    id,
    holder,
  });
  try {
    const installed = engine === undefined ? [] : await installedChecks(engine, { of, opened });
    return [...checks, ...installed];
  } finally {
    engine?.close();
  }
}

function lookingOf({ environment }: Examined) {
  return { environment, home: environment["HOME"] ?? homedir() };
}

/** The one that was named, is in use, or is the only one that somebody wrote down or brought up. */
function targetOf({ target, project, folder, environment }: Examined): string | undefined {
  if (target !== undefined || project === undefined) return target;
  const known = targetsOf(project).flatMap(({ name, kind }) => (kind === "docker" ? [name] : []));
  const choice = chooseContext(contextPlaces({ folder, environment }), { environment });
  if (choice.kind === "context" && known.includes(choice.name)) return choice.name;
  const saved = savedNames(project);
  const meant = known.filter((name) => name !== "docker" || saved.includes(name) || isWritten(project, name));
  return meant.length === 1 ? meant[0] : undefined;
}

/** That one is looked at with its cluster. */
function isInCluster(project: string, name: string): boolean {
  return targetsOf(project).some((target) => target.name === name && target.kind === "kubernetes");
}

/** The target `docker` is there without being written down. */
function isWritten(project: string, name: string): boolean {
  return targetsOf(project, { implied: false }).some((target) => target.name === name);
}

interface Installed {
  readonly of: Examined;
  readonly opened: ProjectTarget;
}

async function installedChecks(engine: Engine, { of, opened }: Installed): Promise<Check[]> {
  const { target } = opened;
  const { name } = target;
  const { partChecks } = await import("@agentflow/cluster/doctor");
  const parts = await partChecks(engine, {
    of: { project: target.project.name, target: name },
    version: of.version,
  }).catch((error: unknown) => [failed("parts", error)]);
  if (parts.length === 0)
    return [{ name: "parts", state: "note", fact: `${name} is not up`, fix: `af up ${name}` }];
  return [...parts, ...(await contextChecks(of, opened))];
}

/** The file that `af up` left, whether it is private, and what answers where it leads. */
async function contextChecks(of: Examined, { target }: ProjectTarget): Promise<Check[]> {
  const { name, settings } = target;
  try {
    const context = findContext(contextPlaces(of), name);
    if (context.state !== "known") {
      const fact = `${name} is up, and nothing here says how to reach it`;
      return [{ name: "context", state: "bad", fact, fix: `af up ${name}` }];
    }
    const fact = `${context.file} is readable by you alone`;
    const { version } = of;
    return [
      { name: "context", state: "good", fact },
      ...(await apiChecks(context, of, { version, workers: settings.workers })),
    ];
  } catch (error) {
    return [failed("context", AgentFlowError.from(error, "reading the context"))];
  }
}
