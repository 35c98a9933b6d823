/** Lines of a doctor: what was looked at, the fact, and the fix where one is needed. */
import type { Check } from "../doctor/check.ts";
import type { Output } from "./output.ts";
import { cyan, dim, green, red, type Text, yellow } from "./text.ts";

export function printChecks(output: Output, checks: readonly Check[]): void {
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const check of checks) {
    output.line([marks[check.state], " ", dim(check.name.padEnd(width)), "  ", check.fact]);
    if (check.fix !== undefined) output.line([" ".repeat(width + 4), dim("fix: "), cyan(check.fix)]);
  }
}

const marks: { readonly [State in Check["state"]]: Text } = {
  good: green("✓"),
  note: yellow("!"),
  bad: red("✗"),
};
