/** Agents in YAML, as far as their files can be judged without the code. */
import { type AgentDefinition, type Finding, isId } from "@agentflow/protocol";
import { stat } from "node:fs/promises";
import { basename, resolve, sep } from "node:path";
import { agentFaults, readAgent } from "./parse-definition.ts";

export interface ProjectAgent {
  readonly definition: AgentDefinition;
  /** Relative to the project. */
  readonly file: string;
}

export interface ReadAgent {
  readonly definition?: AgentDefinition;
  readonly findings: readonly Finding[];
}

const instructionsBytesMax = 256 * 1024;

/** Every fault of one file; a definition only when there is none. */
export async function judgeAgent(dir: string, file: string, value: unknown): Promise<ReadAgent> {
  const faults = await agentFaults(value);
  if (faults.length > 0) return { findings: faults };
  const definition = readAgent(value);
  const findings = [...nameFaults(definition, file), ...(await instructionsFaults(dir, definition))];
  return { definition, findings };
}

function nameFaults({ name }: AgentDefinition, file: string): Finding[] {
  const stem = basename(file).replace(/\.ya?ml$/, "");
  if (name === stem) return [];
  const hint = isId("agent", stem)
    ? `write name: ${stem}`
    : "rename the file: lower-case letters, digits, - and _";
  const message = `the agent is known by its file as ${stem}, its name says ${name}`;
  return [{ code: "AF909", severity: "error", path: "/name", message, hint }];
}

async function instructionsFaults(dir: string, { instructions }: AgentDefinition): Promise<Finding[]> {
  if (typeof instructions === "string") return [];
  const { file } = instructions;
  const fault = (message: string, hint?: string): Finding[] => [
    {
      code: "AF504",
      severity: "error",
      path: "/instructions/file",
      message,
      ...(hint === undefined ? {} : { hint }),
    },
  ];
  const absolute = resolve(dir, file);
  if (!absolute.startsWith(`${dir}${sep}`)) return fault(`${file} is not below the project`);
  const found = await stat(absolute).catch(() => undefined);
  if (found?.isFile() !== true)
    return fault(`there is no file ${file}`, "write what the model is told there");
  if (found.size <= instructionsBytesMax) return [];
  return fault(`${file} is over ${instructionsBytesMax / 1024} KiB`);
}
