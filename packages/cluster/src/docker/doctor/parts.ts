/** Whether every container of an installation does what it is there for, and is of this release. */
import { labels } from "../../model/names.ts";
import type { Engine } from "../engine/open.ts";
import { type Installed, type ObservedContainer, observe } from "../observe.ts";
import { bad, type EngineCheck, good, note } from "./check.ts";

export interface PartOptions {
  readonly of: Installed;
  /** Release of this `af`. */
  readonly version: string;
}

/** Empty when nothing of it is there. */
export async function partChecks(engine: Engine, { of, version }: PartOptions): Promise<EngineCheck[]> {
  const [{ containers }, versions] = await Promise.all([observe(engine, of), versionsOf(engine, of)]);
  const parts = containers.filter(({ part }) => part !== "");
  if (parts.length === 0) return [];
  const ill = parts.flatMap((one) => illness(one, of.target));
  const healthy = good("parts", `all ${parts.length} containers of ${of.target} are as they should be`);
  return [
    ...(ill.length > 0 ? ill : [healthy]),
    ...restartChecks(parts, of),
    versionCheck(versions, { version, of }),
  ];
}

/** Of jobs the end is what counts, of everything else that it runs and is well. */
function illness(one: ObservedContainer, target: string): EngineCheck[] {
  const { name, part, state, health, exitCode, oomKilled, error } = one;
  const isJob = part === "keys" || part === "register";
  const lines = `docker logs --tail 20 ${name}`;
  if (oomKilled)
    return [bad("parts", `${name} was ended for using all its memory`, `more: limits.${part}.memoryMb`)];
  if (isJob && state === "exited") {
    return exitCode === 0 ? [] : [bad("parts", `${name} ended with ${exitCode}`, lines)];
  }
  if (state === "running") {
    if (health === "unhealthy") return [bad("parts", `${name} runs and does not answer`, lines)];
    return health === "starting" ? [note("parts", `${name} is starting`)] : [];
  }
  const why = error === "" ? (state === "exited" ? `ended with ${exitCode}` : `is ${state}`) : error;
  const fix = state === "paused" ? `docker unpause ${name}` : `af up ${target}; ${lines}`;
  return [bad("parts", `${name}: ${why}`, fix)];
}

function restartChecks(parts: readonly ObservedContainer[], { target }: Installed): EngineCheck[] {
  const again = parts.filter(({ restarts }) => restarts > 0);
  if (again.length === 0) return [];
  const counts = again.map(({ name, restarts }) => `${name} ${restarts} times`).join(", ");
  return [
    note("restarts", `started again by the engine: ${counts}`, `af logs --context ${target} --level error`),
  ];
}

async function versionsOf(engine: Engine, { project, target }: Installed): Promise<string[]> {
  const label = [`${labels.project}=${project}`, `${labels.target}=${target}`];
  const listed = await engine.ask("listing the installation's containers", (docker) => {
    return docker.listContainers({ all: true, filters: { label } });
  });
  return [...new Set(listed.flatMap(({ Labels: own }) => own[labels.version] ?? []))].sort();
}

function versionCheck(
  versions: readonly string[],
  { version, of }: { readonly version: string; readonly of: Installed },
): EngineCheck {
  const others = versions.filter((one) => one !== version);
  if (others.length === 0) return good("versions", `every part is of af ${version}, as this is`);
  return note("versions", `parts are of af ${versions.join(", ")}, this is ${version}`, `af up ${of.target}`);
}
