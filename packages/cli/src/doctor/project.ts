import { validateProject } from "../project/validate.ts";
import type { Check, Examined } from "./check.ts";

export async function projectChecks({ folder, project }: Examined): Promise<Check[]> {
  if (project === undefined) {
    return [
      { name: "project", state: "note", fact: `none at ${folder} or above`, fix: "af init my-project" },
    ];
  }
  const { findings, workflows, tools, agents } = await validateProject(project);
  const errors = findings.filter(({ severity }) => severity === "error");
  const [first] = errors;
  if (first !== undefined) {
    const place = [first.file, first.line].filter((part) => part !== undefined).join(":");
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
    return [{ name: "project", state: "bad", fact: `${place} ${first.message}${more}`, fix: "af validate" }];
  }
  const named = [
    ...workflows,
    ...tools.map((tool) => `tool:${tool}`),
    ...agents.map((agent) => `agent:${agent}`),
  ];
  const more = named.length > 4 ? ` and ${named.length - 4} more` : "";
  const fact = `valid: ${named.slice(0, 4).join(", ")}${more}`;
  return [{ name: "project", state: findings.length > 0 ? "note" : "good", fact }];
}
