/** A script file becomes a script, or an error that names each fault. */
import { AgentFlowError, type ModelScript } from "@agentflow/protocol";
import { faultsOf, modelScriptSchema } from "@agentflow/protocol/schema";
import { parse } from "yaml";

export const scriptLimits = { bytesMax: 4 * 1024 * 1024, aliasesMax: 32, faultsShownMax: 10 } as const;

/** Refuses with `invalid_project`; `file` is how the person knows the text. */
export function parseScript(text: string, file: string): ModelScript {
  if (text.length > scriptLimits.bytesMax) {
    throw scriptError(file, [`is over ${scriptLimits.bytesMax / 1024 / 1024} MiB; it was not read`]);
  }
  const value = yamlOf(text, file);
  const faults = faultsOf(modelScriptSchema, value);
  if (faults.length > 0) {
    throw scriptError(
      file,
      faults.map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`)),
    );
  }
  return value as ModelScript;
}

/** One error for all that is wrong with a script. */
export function scriptError(file: string, faults: readonly string[]): AgentFlowError {
  const shown = faults.slice(0, scriptLimits.faultsShownMax);
  const more = faults.length > shown.length ? `\n  and ${faults.length - shown.length} more` : "";
  const lines = shown.length === 1 ? ` ${shown[0] ?? ""}` : `\n  ${shown.join("\n  ")}${more}`;
  return new AgentFlowError("invalid_project", `${file}:${lines}`, {
    reason: "invalid_script",
    details: { file, faults: shown },
    suggestions: ["the format is described in docs/guide/models.md, scripted models"],
  });
}

function yamlOf(text: string, file: string): unknown {
  try {
    return parse(text, { maxAliasCount: scriptLimits.aliasesMax, prettyErrors: true });
  } catch (error) {
    const [first = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw scriptError(file, [`not YAML: ${first.replace(/:$/, "")}`]);
  }
}
