#!/usr/bin/env node
// Plain JavaScript that any Node can read: the version is checked before anything else is loaded.
const needed = [24, 11];
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  process.stderr.write(
    `Error: af needs Node ${needed.join(".")} or newer; this is Node ${process.versions.node}.\n` +
      `  where  ${process.execPath}\n` +
      "  try    nvm install 24, or https://nodejs.org/en/download\n",
  );
  process.exitCode = 6;
} else {
  await start(process.argv.slice(2));
}

/** @param {string[]} argv */
async function start(argv) {
  // Set first: a promise that never settles must not look like success.
  process.exitCode = 1;
  // Whoever reads us has enough: `af logs | head` ends as if all had been read.
  process.stdout.on("error", endQuietly);
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-v")) {
    const { readFileSync } = process.getBuiltinModule("node:fs");
    const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
    const { version } = /** @type {{ version: string }} */ (JSON.parse(text));
    process.stdout.write(
      `af ${version} (node ${process.versions.node}, ${process.platform}-${process.arch})\n`,
    );
    process.exitCode = 0;
    return;
  }
  process.getBuiltinModule("node:module").enableCompileCache();
  const { main } = await import("../dist/main.js");
  process.exitCode = await main(argv);
}

/** @param {NodeJS.ErrnoException} error */
function endQuietly(error) {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
}
