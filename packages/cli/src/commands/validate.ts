import { AgentFlowError, errorTable, showDuration } from "@agentflow/protocol";
import { AgentFlowCommand } from "../base-command.ts";
import { needProject } from "../config/installation.ts";
import { Flags } from "../flags.ts";
import { type PlacedFinding, findingTexts } from "../output/findings.ts";
import { bold, green, red, yellow } from "../output/text.ts";
import { validateProject } from "../project/validate.ts";

export default class Validate extends AgentFlowCommand {
  static override summary = "Say what is wrong with a project, with file, line and column, before it runs";
  static override flags = { strict: Flags.boolean({ description: "warnings count as errors" }) };
  static override examples = ["af validate", "af validate --strict", "af validate --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(Validate);
    const startedMs = performance.now();
    const dir = needProject(this.folder(flags));
    const checked = await validateProject(dir);
    const errors = count(checked.findings, "error");
    const warnings = count(checked.findings, "warning");
    const ms = Math.round(performance.now() - startedMs);
    const bad = errors > 0 || (flags.strict && warnings > 0);
    const facts = { dir, workflows: checked.workflows, tools: checked.tools, agents: checked.agents };
    if (this.output.json && bad) this.#failWith(checked.findings, { errors, warnings });
    else this.output.data({ ...facts, findings: checked.findings.map(withoutSource) }, { ms });
    for (const finding of checked.findings) for (const line of findingTexts(finding)) this.output.line(line);
    const counts = [
      counted(checked.workflows, "workflow"),
      counted(checked.tools, "tool"),
      counted(checked.agents, "agent"),
    ];
    if (errors + warnings > 0) {
      const paint = bad ? red : yellow;
      this.output.say([
        bold(paint(`${plural(errors, "error")}, ${plural(warnings, "warning")}`)),
        ` in ${showDuration(ms)}`,
      ]);
    } else this.output.say([green("✓"), ` ${counts.join(", ")}: nothing is wrong (${showDuration(ms)})`]);
    if (bad) this.exitWith(errorTable.invalid_project.exit);
  }

  #failWith(
    findings: readonly PlacedFinding[],
    found: { readonly errors: number; readonly warnings: number },
  ): void {
    const { code, reason, details, suggestions, message } = new AgentFlowError(
      "invalid_project",
      `${plural(found.errors, "error")}, ${plural(found.warnings, "warning")}`,
      { details: { findings: findings.map(withoutSource) } },
    );
    this.output.failure({ code, reason, message, details, suggestions });
  }
}

function withoutSource({ source: _, ...finding }: PlacedFinding): Omit<PlacedFinding, "source"> {
  return finding;
}

function count(findings: readonly PlacedFinding[], severity: "error" | "warning"): number {
  return findings.filter((finding) => finding.severity === severity).length;
}

function counted(names: readonly string[], word: string): string {
  return plural(names.length, word);
}

function plural(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}
