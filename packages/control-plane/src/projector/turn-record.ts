/** Records of journals as everybody behind the log sees them: read only when somebody wants to know. */
import type { LogEntry, Revision } from "@agentflow/bus";
import type {
  JournalRecord,
  ParsedLogSubject,
  RunId,
  Shard,
  StepInstance,
  TenantId,
} from "@agentflow/protocol";
import { parseJournal } from "./parse-journal.ts";

export interface TurnRecord {
  readonly kind: "turn";
  readonly tenant: TenantId;
  readonly run: RunId;
  readonly shard: Shard;
  readonly step: StepInstance;
  readonly revision: Revision;
  readonly atMs: number;
  /** The text as the log has it. */
  readonly body: string;
  /** Undefined for what this build cannot read. Read once, however many ask. */
  read(): JournalRecord | undefined;
}

export function turnRecord(
  { tenant, run, shard, step }: Extract<ParsedLogSubject, { kind: "turn" }>,
  { revision, atMs, body }: Pick<LogEntry, "revision" | "atMs" | "body">,
): TurnRecord {
  let known: { readonly record: JournalRecord | undefined } | undefined;
  const read = (): JournalRecord | undefined => (known ??= { record: parseJournal(body) }).record;
  return { kind: "turn", tenant, run, shard, step, revision, atMs, body, read };
}
