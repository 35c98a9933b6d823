/** The process of `af dev`: what to do stands in its first word as JSON, the words of the person after it. */
import { reportError } from "../output/error.ts";
import { processOutput } from "../output/process-output.ts";
import { parseDevOptions } from "./parse-lines.ts";

async function main(text: string, words: readonly string[]): Promise<void> {
  // Set first: a promise that never settles must not look like success.
  process.exitCode = 1;
  // Whoever reads us has enough.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  const output = processOutput(words);
  try {
    // First of all: what is loaded next would let the young generation grow to its end.
    const { holdHeap } = await import("@agentflow/host/heap");
    holdHeap();
    const { runDev } = await import("./dev.ts");
    const write = (line: string): void => output.verbatim(`${line}\n`);
    process.exitCode = await runDev({ ...parseDevOptions(text), write });
  } catch (error) {
    process.exitCode = reportError(output, error);
  }
}

// Importing a module does nothing: only the process that was started on this file becomes `af dev`.
if (process.argv[1] === import.meta.filename) await main(process.argv[2] ?? "{}", process.argv.slice(3));
