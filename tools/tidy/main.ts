/** `npm run tidy`: prints each broken rule as `file:line:col rule message`; exits 1 if there is one. */
import { resolve } from "node:path";
import { render } from "./finding.ts";
import { tidy } from "./tidy.ts";

const root = resolve(import.meta.dirname, "../..");
const findings = tidy(root);
for (const finding of findings) process.stdout.write(`${render(finding)}\n`);
process.stdout.write(findings.length === 0 ? "tidy: nothing to say\n" : `tidy: ${findings.length} to mend\n`);
process.exitCode = findings.length === 0 ? 0 : 1;
