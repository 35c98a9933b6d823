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

/** The known word nearest to a mistyped one, or undefined when none is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.slice(0, 64).toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein, with one row in memory. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
