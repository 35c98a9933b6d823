import { realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Check } from "./check.ts";

/** Whether `af` on the PATH is this one, and which file wins. */
export function binaryCheck(environment: { readonly [name: string]: string | undefined }): Check {
  const own = realpathSync(fileURLToPath(new URL("../../bin/run.js", import.meta.url)));
  const found = (environment["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .flatMap((folder) => resolved(join(folder, "af")));
  const [first] = found;
  if (first === undefined) {
    return { name: "af", state: "note", fact: `af is not on the PATH; this one is ${own}`, fix: "npx af …" };
  }
  const others = [...new Set(found.map(({ real }) => real))].filter((real) => real !== own);
  if (first.real !== own) {
    const fact = `another af wins on the PATH: ${first.path}; this one is ${own}`;
    return {
      name: "af",
      state: "note",
      fact,
      fix: "use agentflow instead of af, or put its folder first on the PATH",
    };
  }
  if (others.length > 0)
    return { name: "af", state: "note", fact: `${first.path} wins; there is also ${others[0] ?? ""}` };
  return { name: "af", state: "good", fact: first.path };
}

function resolved(path: string): { path: string; real: string }[] {
  try {
    return [{ path, real: realpathSync(path) }];
  } catch {
    return [];
  }
}
