/** Lines of a doctor: what was looked at, the fact, and the fix where one is needed. */
import type { Check } from "../doctor/check.ts";
import { wrap } from "../help/wrap.ts";
import type { Output } from "./output.ts";
import { cyan, dim, green, red, type Text, yellow } from "./text.ts";

export function printChecks(output: Output, checks: readonly Check[]): void {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const indent = " ".repeat(width + 4);
  for (const check of checks) {
    // Words are kept whole on a screen; a fix stays one line, to be copied.
    const [first = "", ...more] = wrap(check.fact, output.width - indent.length);
    output.line([marks[check.state], " ", dim(check.name.padEnd(width)), "  ", first]);
    for (const line of more) output.line([indent, line]);
    if (check.fix !== undefined) output.line([indent, dim("fix: "), cyan(check.fix)]);
  }
}

const marks: { readonly [State in Check["state"]]: Text } = {
  good: green("✓"),
  note: yellow("!"),
  bad: red("✗"),
};
