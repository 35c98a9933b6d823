/** Where a new project gets our packages from: this installation of the command line, until published. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parsePackageFile } from "./parse-template.ts";

/** Turned on by the release that publishes them; then a project names plain versions. */
const published = false;

/** The version to write for each package of ours that is named; asks nobody. */
export function packageSources(names: readonly string[]): ReadonlyMap<string, string> {
  if (published) return new Map();
  const cli = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
  return new Map(
    names.flatMap((name): [string, string][] => {
      const found = siblingOf(cli, name);
      return found === undefined ? [] : [[name, `file:${found}`]];
    }),
  );
}

/**
 * In a checkout the packages stand side by side in `packages/`; where the command line was installed from a
 * package, side by side in `node_modules/@agentflow/`. Either way the one beside us is the one that fits us.
 */
function siblingOf(cli: string, name: string): string | undefined {
  const short = name.replace("@agentflow/", "");
  const beside = join(dirname(cli), short);
  const file = join(beside, "package.json");
  if (!existsSync(file)) return undefined;
  return parsePackageFile(readFileSync(file, "utf8")).name === name ? beside : undefined;
}

/** The package.json of a project with our packages taken from where they are. */
export function withSources(text: string): string {
  const file = parsePackageFile(text);
  const named = [...Object.keys(file.dependencies ?? {}), ...Object.keys(file.devDependencies ?? {})];
  const ours = named.filter((name) => name.startsWith("@agentflow/"));
  // The schemas that the project's files name for editors lie in it.
  const sources = packageSources([...new Set([...ours, "@agentflow/protocol"])]);
  if (sources.size === 0) return text;
  const from = (list: { readonly [name: string]: string } = {}): { [name: string]: string } =>
    Object.fromEntries(Object.entries(list).map(([name, version]) => [name, sources.get(name) ?? version]));
  const protocol = sources.get("@agentflow/protocol");
  const devDependencies = {
    ...from(file.devDependencies),
    ...(protocol === undefined ? {} : { "@agentflow/protocol": protocol }),
  };
  return `${JSON.stringify({ ...file, dependencies: from(file.dependencies), devDependencies }, null, 2)}\n`;
}
