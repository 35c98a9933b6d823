// Plain JavaScript that any Node reads: the tests are TypeScript, which only a newer one runs as it is.
import { readFileSync } from "node:fs";

const { name, engines } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const needed = engines.node.replace(/^\D+/, "");
const [major, minor] = needed.split(".").map(Number);
const [haveMajor, haveMinor] = process.versions.node.split(".").map(Number);

if (haveMajor < major || (haveMajor === major && haveMinor < minor)) {
  const have = `this is Node ${process.versions.node} (${process.execPath})`;
  const mend = "nvm install 24, or https://nodejs.org/en/download";
  process.stderr.write(`${name} needs Node ${needed} or newer; ${have}: ${mend}\n`);
  process.exitCode = 6;
}
