/** What `af init` asks a person at a terminal. The library is loaded only then. */
import { isId } from "@agentflow/protocol";
import { listTemplates } from "./templates.ts";

const toTerminal = { output: process.stderr };

export async function askTemplate(): Promise<string> {
  const { select } = await import("@inquirer/prompts");
  const choices = listTemplates().map(({ name, title, description }) => ({
    value: name,
    name: title,
    description,
  }));
  return select({ message: "Which template?", choices }, toTerminal);
}

export async function askName(preset: string): Promise<string> {
  const { input } = await import("@inquirer/prompts");
  const validate = (text: string): true | string =>
    isId("project", text) || "lower-case letters, digits and -, beginning with a letter, at most 40";
  return input({ message: "Name of the project?", default: preset, validate }, toTerminal);
}
