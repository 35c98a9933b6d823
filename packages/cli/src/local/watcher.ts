/** Watches a project's files and says, once a save has settled, which of them changed. */
import path from "node:path";

export interface Change {
  /** Relative to the project, sorted. */
  readonly files: readonly string[];
  /** Files that runners load: new code is needed. */
  readonly code: boolean;
  /** Workflows in YAML. */
  readonly definitions: boolean;
  /** Packages that the project is made with. */
  readonly dependencies: boolean;
  /** Variables and secrets in `.env`. */
  readonly environment: boolean;
}

/** Editors write a file in several steps; the watcher waits until nothing came for so long. */
const settleMs = 25;
const codeFile = /\.(ts|mts|js|mjs|cjs|json|md|txt|yaml|yml)$/;
/** Read by this process alone; agents and models are loaded by runners. */
const definitionFile = /^workflows\/.+\.ya?ml$/;
const ignoredFolder = /(^|\/)(node_modules|dist|\.[^/]+)(\/|$)/;
const dependencyFile = /^package(-lock)?\.json$/;
const topFile = /^(agentflow\.ya?ml|package(-lock)?\.json|\.env)$/;
/** Folders whose files belong to the project's behaviour; reports and data beside them do not. */
const watchedFolders = new Set(["tools", "agents", "workflows", "prompts", "lib", "src"]);

export async function watchProject(
  projectDir: string,
  onChange: (change: Change) => void,
): Promise<{ close(): Promise<void> }> {
  const { watch } = await import("chokidar");
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const settle = (): void => {
    const files = [...changed].sort();
    changed.clear();
    const definitions = files.some((file) => definitionFile.test(file));
    const environment = files.includes(".env");
    const code = files.some((file) => !definitionFile.test(file) && file !== ".env");
    const dependencies = files.some((file) => dependencyFile.test(file));
    onChange({ files, code, dependencies, definitions, environment });
  };
  const watcher = watch(projectDir, {
    ignoreInitial: true,
    ignored: (file, stats) => isIgnored(path.relative(projectDir, file), stats?.isFile() === true),
  });
  watcher.on("all", (event, file) => {
    if (event === "addDir" || event === "unlinkDir") return;
    changed.add(path.relative(projectDir, file));
    clearTimeout(timer);
    timer = setTimeout(settle, settleMs);
  });
  await new Promise<void>((resolve) => watcher.once("ready", () => resolve()));
  return {
    async close() {
      clearTimeout(timer);
      await watcher.close();
    },
  };
}

function isIgnored(relative: string, file: boolean): boolean {
  if (relative === "") return false;
  const unix = relative.split(path.sep).join("/");
  if (ignoredFolder.test(unix)) return true;
  const [top = ""] = unix.split("/");
  if (unix.includes("/")) return !watchedFolders.has(top) || (file && !codeFile.test(unix));
  // Asked at first without its kind: by then a name alone must not be turned away.
  return !watchedFolders.has(top) && !topFile.test(unix);
}
