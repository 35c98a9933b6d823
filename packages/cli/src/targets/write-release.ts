/** `af deploy --out`: a target in a cluster as files of other tools. They hold no secret. */
import type { Rendering } from "@agentflow/cluster";
import type { Capabilities } from "@agentflow/cluster/kubernetes";
import { AgentFlowError } from "@agentflow/protocol";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { readText, writeWhole } from "../config/private-file.ts";
import { parseOut, writeOut } from "./write-out.ts";

export interface ReleaseOut {
  readonly kind: "manifests" | "chart" | "compose";
  /** Absolute; `-` is stdout. */
  readonly where: string;
}

/** Refuses what is there and was not written by af. */
export async function parseReleaseOut(text: string, folder: string): Promise<ReleaseOut> {
  const [, kind, named] = /^(manifests|chart|compose)=(.+)$/.exec(text) ?? [];
  if (kind === "compose") return { kind, where: parseOut(text, folder).file };
  if (kind === "manifests" && named === "-") return { kind, where: named };
  if ((kind === "manifests" || kind === "chart") && named !== undefined && named !== "-") {
    const where = path.resolve(folder, named);
    await refuseAnothers(where);
    return { kind, where };
  }
  const shown = JSON.stringify(text.slice(0, 80));
  throw new AgentFlowError(
    "invalid_input",
    `--out ${shown} is not manifests=DIR, chart=DIR or compose=FILE`,
    {
      reason: "usage",
      suggestions: [
        "--out manifests=k8s, --out manifests=- (stdout)",
        "--out chart=chart",
        "--out compose=FILE",
      ],
    },
  );
}

export interface WritingRelease {
  readonly rendering: Rendering;
  readonly capabilities: Capabilities;
}

export interface WrittenRelease {
  /** Relative to the folder, sorted. */
  readonly files: readonly string[];
  /** What goes to stdout, where it does. */
  readonly text?: string;
  readonly notes: readonly string[];
}

export async function writeRelease(out: ReleaseOut, of: WritingRelease): Promise<WrittenRelease> {
  const [{ render, asDocker }, { writtenMark }, cluster] = await Promise.all([
    import("@agentflow/cluster"),
    import("@agentflow/cluster/image"),
    import("@agentflow/cluster/kubernetes"),
  ]);
  const { rendering, capabilities } = of;
  const { target, version } = rendering;
  if (out.kind === "compose") {
    const installation = render({ ...rendering, target: asDocker(target) });
    const text = await writeOut({ file: out.where }, installation, "af deploy");
    const files = out.where === "-" ? [] : [path.basename(out.where)];
    return { files, ...(out.where === "-" ? { text } : {}), notes: [] };
  }
  const head = `${target.project.name}, target ${target.name}: written by af ${version}. ${writtenMark}`;
  const release = cluster.releaseOf(render(rendering), { target, capabilities });
  cluster.checkObjects(release.objects);
  if (out.kind === "chart") {
    const files = cluster.chartOf({ rendering, capabilities, head });
    writeFolder(out.where, files);
    return { files: files.map((one) => one.path).sort(), notes: release.notes };
  }
  const files = release.objects.map((object, n) => ({
    path: `${String(n + 1).padStart(2, "0")}-${object.kind.toLowerCase()}-${object.metadata.name}.yaml`,
    content: `# ${head}\n${cluster.objectYaml(object)}`,
  }));
  if (out.where === "-") {
    const text = files.map(({ content }) => content).join("---\n");
    return { files: [], text, notes: release.notes };
  }
  writeFolder(out.where, files);
  return { files: files.map((one) => one.path), notes: release.notes };
}

interface FileWritten {
  readonly path: string;
  readonly content: string;
}

/** What an earlier time wrote and this one does not is taken away: `kubectl apply -f` would take it all. */
function writeFolder(folder: string, files: readonly FileWritten[]): void {
  const wanted = new Set(files.map((one) => one.path));
  for (const file of filesIn(folder)) {
    if (!wanted.has(file)) rmSync(path.join(folder, file));
  }
  for (const { path: file, content } of files) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeWhole(path.join(folder, file), content, 0o644);
  }
}

/** Files of a chart in which no comment can stand. */
const unmarked = new Set(["values.schema.json", "templates/_helpers.tpl", "templates/NOTES.txt"]);

async function refuseAnothers(folder: string): Promise<void> {
  const { writtenMark } = await import("@agentflow/cluster/image");
  const files = filesIn(folder);
  const isChart = (readText(path.join(folder, "Chart.yaml")) ?? "").slice(0, 1_000).includes(writtenMark);
  const strange = files.find((file) => {
    if (isChart && unmarked.has(file)) return false;
    return !(readText(path.join(folder, file)) ?? "").slice(0, 1_000).includes(writtenMark);
  });
  if (strange === undefined) return;
  throw new AgentFlowError(
    "already_exists",
    `${path.join(folder, strange)} is there, and not written by af`,
    {
      reason: "file_exists",
      details: { where: folder },
      suggestions: ["name a folder of its own", "or move that one away first"],
    },
  );
}

function filesIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((one) => !one.isDirectory())
      .map((one) => path.relative(folder, path.join(one.parentPath, one.name)))
      .sort();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
