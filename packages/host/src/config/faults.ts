import { AgentFlowError } from "@agentflow/protocol";

export const layerNames = ["flag", "environment", "project", "user", "default"] as const;
export type Layer = (typeof layerNames)[number];

/** Where a value comes from: the flag, the variable, or the file with its line. */
export interface Place {
  readonly layer: Layer;
  /** `--log-level`, `AF_LOG__LEVEL`, `agentflow.yaml`; empty for a default. */
  readonly name: string;
  readonly line?: number;
}

export interface Fault {
  /** Dotted, as in `log.level`; empty when the whole file is at fault. */
  readonly key: string;
  readonly place: Place;
  readonly message: string;
  readonly suggestion?: string;
}

/** `agentflow.yaml:12`, `AF_LOG__LEVEL`. */
export function placeText({ name, line }: Place): string {
  return line === undefined ? name : `${name}:${line}`;
}

/** All faults in one error: the message shows them, `details.faults` holds them as data. */
export function configError(faults: readonly Fault[]): AgentFlowError {
  const lines = faults.map((fault) => `  ${faultText(fault)}`);
  const inProject = faults.some((fault) => fault.place.layer === "project");
  const what = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  return new AgentFlowError(
    inProject ? "invalid_project" : "invalid_input",
    `the configuration has ${what}\n${lines.join("\n")}`,
    {
      reason: "invalid_config",
      details: { faults },
      suggestions: faults.flatMap((fault) => (fault.suggestion === undefined ? [] : [fault.suggestion])),
    },
  );
}

function faultText({ key, place, message, suggestion }: Fault): string {
  const where = place.layer === "default" ? "not set anywhere" : `${place.layer}, ${placeText(place)}`;
  const subject = key === "" ? "" : `${key}: `;
  return `${subject}${message} (${where})${suggestion === undefined ? "" : `; ${suggestion}`}`;
}
