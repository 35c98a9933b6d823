/** `af up --out compose=FILE`: the installation as another tool's file. */
import type { Installation } from "@agentflow/cluster";
import { AgentFlowError } from "@agentflow/protocol";
import { resolve } from "node:path";
import { readText, writeWhole } from "../config/private-file.ts";

export interface Out {
  /** Absolute; `-` is stdout. */
  readonly file: string;
}

export function parseOut(text: string, folder: string): Out {
  const file = /^compose=(.+)$/.exec(text)?.[1];
  if (file === "-") return { file };
  if (file !== undefined) return { file: notAnothers(resolve(folder, file)) };
  throw new AgentFlowError(
    "invalid_input",
    `--out ${JSON.stringify(text.slice(0, 80))} is not compose=FILE`,
    {
      reason: "usage",
      suggestions: ["--out compose=docker-compose.yml", "--out compose=- (stdout)"],
    },
  );
}

const ours = /Not to be edited: af (up|deploy) --out writes it anew\./;

/** A file that somebody wrote is not written over. */
function notAnothers(file: string): string {
  const text = readText(file);
  if (text === undefined || ours.test(text.slice(0, 1_000))) return file;
  throw new AgentFlowError("already_exists", `${file} is there, and not written by af`, {
    reason: "file_exists",
    details: { where: file },
    suggestions: ["--out compose=FILE with another name", "or move that one away first"],
  });
}

/** The file's text; written unless it goes to stdout. */
export async function writeOut(
  { file }: Out,
  installation: Installation,
  by: "af up" | "af deploy" = "af up",
): Promise<string> {
  const { composeOf } = await import("@agentflow/cluster");
  const { project, target, version } = installation;
  const mark = `Not to be edited: ${by} --out writes it anew.`;
  const head = [`${project}, target ${target}: written by af ${version}. ${mark}`];
  const text = composeOf(installation, { head });
  if (file !== "-") writeWhole(file, text, 0o644);
  return text;
}
