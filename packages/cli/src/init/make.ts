/** Writes a planned project, installs what it needs, and makes its first commit. */
import { AgentFlowError } from "@agentflow/protocol";
import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { shellWord } from "../output/shell-word.ts";
import { withSources } from "./package-sources.ts";
import { type InitPlan, targetName } from "./plan.ts";
import { renderTemplate } from "./render.ts";

export interface MakeOptions {
  readonly install: boolean;
  readonly git: boolean;
  readonly onStep: (text: string) => void;
}

export interface Made {
  readonly installed: boolean;
  readonly committed: boolean;
  /** What did not work and does not matter much. */
  readonly notes: readonly string[];
}

const installWithinMs = 120_000;
const gitWithinMs = 20_000;

export async function makeProject(plan: InitPlan, options: MakeOptions): Promise<Made> {
  for (const file of plan.source.files) await writeOne(plan, file);
  const notes: string[] = [];
  if (options.install) {
    options.onStep("npm install");
    await install(plan);
  }
  const committed = options.git && (await commit(plan, notes));
  return { installed: options.install, committed, notes };
}

async function writeOne(plan: InitPlan, file: string): Promise<void> {
  const target = join(plan.dir, targetName(file));
  await mkdir(dirname(target), { recursive: true });
  const source = join(plan.source.dir, file);
  if (!file.endsWith(".hbs")) {
    await writeFile(target, await readFile(source));
    return;
  }
  const text = await renderTemplate(await readFile(source, "utf8"), { file, values: { name: plan.name } });
  await writeFile(target, file === "package.json.hbs" ? withSources(text) : text);
}

async function install(plan: InitPlan): Promise<void> {
  const done = await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: plan.dir,
    withinMs: installWithinMs,
  });
  if (done.ok) return;
  throw new AgentFlowError("unavailable", "the project is made, but npm install failed", {
    reason: "install_failed",
    details: { where: plan.dir },
    cause: new Error(done.lastLines),
    suggestions: [
      `cd ${shellWord(plan.shownDir)} && npm install`,
      "check the network, or HTTPS_PROXY and the npm registry",
    ],
  });
}

async function commit(plan: InitPlan, notes: string[]): Promise<boolean> {
  const inside = await run("git", ["rev-parse", "--is-inside-work-tree"], {
    cwd: plan.dir,
    withinMs: gitWithinMs,
  });
  if (inside.ok) {
    notes.push("the folder is part of a git repository already: nothing was committed");
    return false;
  }
  const steps = [
    ["init", "--quiet"],
    ["add", "--all"],
    ["commit", "--quiet", "--message", `${plan.name}: from the template ${plan.template}`],
  ];
  for (const step of steps) {
    const done = await run("git", step, { cwd: plan.dir, withinMs: gitWithinMs });
    if (done.ok) continue;
    notes.push(`git ${step[0] ?? ""} did not work: ${done.lastLines.split("\n")[0] ?? ""}`);
    return false;
  }
  return true;
}

interface Done {
  readonly ok: boolean;
  readonly lastLines: string;
}

function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly withinMs: number },
): Promise<Done> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: options.withinMs,
  });
  let text = "";
  const take = (chunk: Buffer): void => void (text = (text + chunk.toString("utf8")).slice(-4_000));
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((resolve) => {
    const lastLines = (): string => text.trim().split("\n").slice(-5).join("\n");
    child.on("error", (error) => resolve({ ok: false, lastLines: error.message }));
    child.on("close", (code) => resolve({ ok: code === 0, lastLines: lastLines() }));
  });
}
