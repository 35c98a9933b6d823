/** `af up --out compose=FILE`: the installation as another tool's file. */
import type { Installation } from "@agentflow/cluster";
import { AgentFlowError } from "@agentflow/protocol";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";

export interface Out {
  /** Absolute; `-` is stdout. */
  readonly file: string;
}

export function parseOut(text: string, folder: string): Out {
  const file = /^compose=(.+)$/.exec(text)?.[1];
  if (file !== undefined) return { file: file === "-" ? file : resolve(folder, file) };
  throw new AgentFlowError(
    "invalid_input",
    `--out ${JSON.stringify(text.slice(0, 80))} is not compose=FILE`,
    {
      reason: "usage",
      suggestions: ["--out compose=docker-compose.yml", "--out compose=- (stdout)"],
    },
  );
}

/** The file's text; written unless it goes to stdout. */
export async function writeOut({ file }: Out, installation: Installation): Promise<string> {
  const { composeOf } = await import("@agentflow/cluster");
  const { project, target, version } = installation;
  const head = [
    `${project}, target ${target}: written by af ${version}. Not to be edited: af up --out writes it anew.`,
  ];
  const text = composeOf(installation, { head });
  if (file === "-") return text;
  try {
    await writeFile(file, text);
  } catch (cause) {
    throw new AgentFlowError("invalid_input", `${file} cannot be written`, {
      reason: "cannot_write",
      details: { where: file },
      cause,
    });
  }
  return text;
}
