import { AgentFlowError } from "@agentflow/protocol";
import { Config } from "@oclif/core/config";
import { fileURLToPath } from "node:url";
import type { AgentFlowCommand } from "./base-command.ts";
import type { CommandTable } from "./help/parse-command-table.ts";

type CommandModule = { readonly default: new (argv: string[], config: Config) => AgentFlowCommand };

/**
 * The command of this id, ready to run. The table says where its code lies, so the command library need not
 * look for plugins and build its own index of commands: that would be half of the start-up.
 */
export async function loadCommand(
  id: string,
  of: { readonly table: CommandTable; readonly argv: readonly string[] },
): Promise<AgentFlowCommand> {
  const { table, argv } = of;
  const entry = table.commands[id];
  if (entry === undefined) throw new AgentFlowError("internal", `the table has no command ${id}`);
  const root = new URL("../", import.meta.url);
  const module = (await import(new URL(entry.relativePath.join("/"), root).href)) as CommandModule;
  const config = Object.assign(new Config({ root: fileURLToPath(root) }), {
    bin: "af",
    version: table.version,
    runHook: async () => ({ failures: [], successes: [] }),
  });
  return new module.default([...argv], config);
}
