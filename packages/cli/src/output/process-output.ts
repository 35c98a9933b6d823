import { type Output, createOutput } from "./output.ts";

/** The output of this process. What was asked for is read from the words themselves: errors obey it too. */
export function processOutput(argv: readonly string[]): Output {
  const end = argv.indexOf("--");
  const words = end === -1 ? argv : argv.slice(0, end);
  return createOutput({
    json: words.includes("--json"),
    noColor: words.includes("--no-color"),
    debug: words.includes("--debug") || (process.env["AF_DEBUG"] ?? "") !== "",
    environment: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
  });
}
