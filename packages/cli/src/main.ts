/** From the words on the command line to a command, and from whatever happens there to an exit code. */
import { exitCodes } from "@agentflow/protocol";
import { reportError } from "./output/error.ts";
import { processOutput } from "./output/process-output.ts";
import { type CommandTable, readCommandTable } from "./help/parse-command-table.ts";
import { findCommand, unknownCommand } from "./help/find-command.ts";

/** Runs one command line; answers the exit code. Never throws. */
export async function main(argv: readonly string[]): Promise<number> {
  process.exitCode = 0;
  const output = processOutput(argv);
  try {
    const table = readCommandTable();
    if (argv[0] === "__complete") {
      const { complete } = await import("./complete/complete.ts");
      await complete(argv.slice(1), { table, output });
    } else if (wantsHelp(argv)) {
      const { printHelp } = await import("./help/help.ts");
      return printHelp(argv, { table, output });
    } else await runCommand(argv, table);
    return Number(process.exitCode);
  } catch (error) {
    const { isInterrupt, translated } = await import("./usage-error.ts");
    const { withSkew } = await import("./skew.ts");
    const known = withSkew(translated(error, argv), readCommandTable().version);
    const code = reportError(output, known);
    return isInterrupt(known) ? exitCodes.interrupted : code;
  }
}

function wantsHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const words = end === -1 ? argv : argv.slice(0, end);
  if (words.includes("--help") || words.includes("-h")) return true;
  return words[0] === "help" || words.every((word) => word.startsWith("-"));
}

async function runCommand(argv: readonly string[], table: CommandTable): Promise<void> {
  const found = findCommand(argv, table);
  if (found.kind === "unknown") throw unknownCommand(found.words, table);
  if (found.kind === "topic") {
    const { topicNeedsCommand } = await import("./help/find-command.ts");
    throw topicNeedsCommand(found.topic, table);
  }
  const { loadCommand } = await import("./parse-command.ts");
  const command = await loadCommand(found.id, { table, argv: found.rest });
  await command.execute();
}
