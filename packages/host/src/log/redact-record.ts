/** Records of user code without secrets: what they say is hidden, what readers rely on stays. */
import type { LogRecord, SpanRecord } from "@agentflow/protocol";
import { redactFields, type Secrets } from "./secrets.ts";

/** At these lengths texts of user code are cut on their way here. */
const cutAt: ReadonlySet<number> = new Set([120, 256, 8_192]);
const cutMark = "…";

export function redactRecord(record: LogRecord | SpanRecord, secrets: Secrets): LogRecord | SpanRecord {
  const text = (given: string): string => redactText(given, secrets);
  if (record.kind === "log") {
    const { message, fields, trace, span, name } = record;
    return {
      ...record,
      message: text(message),
      ...(trace === undefined ? {} : { trace: text(trace) }),
      ...(span === undefined ? {} : { span: text(span) }),
      ...(name === undefined ? {} : { name: text(name) }),
      ...(fields === undefined ? {} : { fields: redactFields(fields, secrets) }),
    };
  }
  const { attributes } = record;
  const more = attributes === undefined ? {} : { attributes: redactFields(attributes, secrets) };
  const named = { trace: text(record.trace), span: text(record.span), name: text(record.name) };
  return { ...record, ...named, ...more };
}

function redactText(text: string, secrets: Secrets): string {
  if (text.endsWith(cutMark)) return `${secrets.redactCut(text.slice(0, -cutMark.length))}${cutMark}`;
  return cutAt.has(text.length) ? secrets.redactCut(text) : secrets.redact(text);
}
