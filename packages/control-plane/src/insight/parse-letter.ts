/** Dead letters and the tasks in them, read with care: that nobody can read them may be why they are dead. */
import type { DeadLetter, LogEntry } from "@agentflow/bus";
import {
  type InputId,
  isId,
  parseTaskSubject,
  type RunId,
  type StepInstance,
  type TenantId,
} from "@agentflow/protocol";

export interface Letter {
  readonly number: number;
  readonly atMs: number;
  readonly task: string;
  readonly tenant: TenantId;
  readonly pool: string;
  readonly build?: string;
  readonly reason: string;
  readonly deliveries: number;
  /** What the task's id says: which dispatch it is, and of which run. */
  readonly of?: TaskName;
  readonly step?: StepInstance;
  readonly attempt?: number;
  readonly uses?: string;
}

/** The parts of a task's id. */
export interface TaskName {
  readonly run: RunId;
  readonly input: InputId;
  readonly n: number;
}

/** Undefined for what is no dead letter. The tenant is the subject's, whatever stands in the letter. */
export function parseLetter({ subject, revision, atMs, body }: LogEntry): Letter | undefined {
  const [, , tenant, pool = ""] = subject.split(".");
  const value = objectOf(body);
  if (value?.["kind"] !== "dead_letter" || !isId("tenant", tenant)) return undefined;
  const letter = value as unknown as Partial<DeadLetter>;
  const { id = "", reason = "", deliveries = 0 } = letter;
  const build = typeof letter.subject === "string" ? parseTaskSubject(letter.subject)?.build : undefined;
  const name = parseTaskName(String(id), tenant);
  return {
    number: revision,
    atMs,
    task: String(id),
    tenant,
    pool,
    reason: String(reason),
    deliveries: Number(deliveries),
    ...(build === undefined ? {} : { build }),
    ...(name === undefined ? {} : { of: name }),
    ...taskFacts(typeof letter.body === "string" ? letter.body : ""),
  };
}

/** `<tenant>:<run>:<input>:<n>`; undefined for another tenant's, or what is none. */
export function parseTaskName(id: string, tenant: TenantId): TaskName | undefined {
  const [own, run, input, n, ...rest] = id.split(":");
  if (own !== tenant || rest.length > 0 || !isId("run", run) || !isId("input", input)) return undefined;
  const number = Number(n);
  return Number.isSafeInteger(number) && number >= 0 ? { run, input, n: number } : undefined;
}

/** As much as can be read of the task itself: it may be none. */
function taskFacts(body: string): Pick<Letter, "step" | "attempt" | "uses"> {
  const task = objectOf(body);
  const step = task?.["step"];
  const attempt = task?.["attempt"];
  const uses = task?.["uses"] as { kind?: unknown; name?: unknown } | null | undefined;
  const used = typeof uses?.kind === "string" ? [uses.kind, uses.name].filter(isText).join(":") : undefined;
  return {
    ...(isId("step instance", step) ? { step } : {}),
    ...(typeof attempt === "number" ? { attempt } : {}),
    ...(used === undefined ? {} : { uses: used }),
  };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function objectOf(text: string): { readonly [key: string]: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as { [key: string]: unknown }) : undefined;
  } catch {
    return undefined;
  }
}
