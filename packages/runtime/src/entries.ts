/** Where the processes of a worker start, and the environment that user code gets. */
import { existsSync } from "node:fs";
import path from "node:path";

/** The file that a supervisor process starts on. */
export const supervisorEntry = built("main");
/** The file that a runner process starts on. */
export const runnerEntry = built("runner/main");
/** The file that a process starts on that takes the types off source files. */
export const stripperEntry = built("strip/main");

/** Sources run as they are where nothing was built: tests of this repository. */
function built(name: string): string {
  const js = path.join(import.meta.dirname, `${name}.js`);
  if (existsSync(js)) return js;
  const dist = path.join(import.meta.dirname, "..", "dist", `${name}.js`);
  return existsSync(dist) ? dist : path.join(import.meta.dirname, `${name}.ts`);
}

/** An ordinary environment, without what is ours and without secrets: a task brings those it may have. */
export function runnerEnvironment(
  all: { readonly [name: string]: string | undefined },
  isSecret: (name: string, value: string) => boolean,
): { [name: string]: string } {
  const kept: { [name: string]: string } = {};
  for (const [name, value] of Object.entries(all)) {
    if (value === undefined || name.startsWith("AF_") || name === "NODE_OPTIONS") continue;
    if (!isSecret(name, value)) kept[name] = value;
  }
  const behind = proxyVariables.some((name) => kept[name] !== undefined && kept[name] !== "");
  // Node asks it before it looks at the others: models and HTTP tools then go through the proxy too.
  return behind ? { NODE_USE_ENV_PROXY: "1", ...kept } : kept;
}

const proxyVariables = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
