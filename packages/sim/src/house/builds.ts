/** Two builds of the code that work side by side, where a scenario deploys: which worker is of which. */
import { type BuildId, devBuild, parseId } from "@agentflow/protocol";

export const builds: readonly BuildId[] = [devBuild, parseId("build", "0123456789ab")];

/** A worker's name ends in its number; every second one is of the other build. */
export function buildOfWorker(worker: string, deploys: boolean): BuildId {
  const number = Number(/[0-9]+$/.exec(worker)?.[0] ?? 0);
  return deploys ? (builds[number % builds.length] ?? devBuild) : devBuild;
}
