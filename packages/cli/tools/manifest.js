// Writes oclif.manifest.json from the compiled commands; with --check it only compares. Run after tsc -b.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Plugin } from "@oclif/core/config";

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const target = `${root}/oclif.manifest.json`;

/** @type {import('@oclif/core/config').Plugin} */
const plugin = new Plugin({
  type: "core",
  ignoreManifest: true,
  errorOnManifestCreate: true,
  respectNoCacheDefault: true,
  root,
});
await plugin.load();
const text = `${JSON.stringify(sorted(plugin.manifest), undefined, 1)}\n`;

if (!process.argv.includes("--check")) writeFileSync(target, text);
else if (read(target) !== text) {
  process.stderr.write(
    "oclif.manifest.json is not what the commands say: npm run manifest -w @agentflow/cli\n",
  );
  process.exitCode = 1;
}

/** @param {{ version: string, commands: Record<string, Record<string, unknown>> }} manifest */
function sorted({ commands, version }) {
  const entries = Object.entries(commands).sort(([a], [b]) => (a < b ? -1 : 1));
  return { commands: Object.fromEntries(entries), version };
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
