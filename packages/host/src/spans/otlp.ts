import { type Json, type SpanRecord, unixMs } from "@agentflow/protocol";
import { attributeNames } from "./names.ts";

/** A span as OTLP/JSON has it; plain data. */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Json }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code: number; readonly message?: string };
}

/** Our record as an exporter sends it: a renaming, nothing is lost and nothing is asked. */
export function toOtlp(record: SpanRecord): OtlpSpan {
  const { [attributeNames.spanKind]: kind, [attributeNames.links]: links, ...own } = record.attributes ?? {};
  const start = nanosOf(unixMs(record.startedAt));
  return {
    traceId: record.trace,
    spanId: record.span,
    ...(record.parent === undefined ? {} : { parentSpanId: record.parent }),
    name: record.name,
    kind: kinds.indexOf(typeof kind === "string" ? kind : "internal"),
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + nanosOf(record.ms)),
    attributes: Object.entries({ ...ownerAttributes(record), ...own }).map(([key, value]) => ({
      key,
      value: valueOf(value),
    })),
    links: Array.isArray(links) ? links.map(linkOf) : [],
    status: record.ok ? { code: 0 } : { code: 2, message: textOf(own[attributeNames.errorType]) },
  };
}

/** In the order of OTLP's numbers. */
const kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"];

function nanosOf(ms: number): bigint {
  return BigInt(Math.round(ms * 1000)) * 1000n;
}

function ownerAttributes({ run, step, attempt }: SpanRecord): { [key: string]: Json } {
  return {
    ...(run === undefined ? {} : { [attributeNames.run]: run }),
    ...(step === undefined ? {} : { [attributeNames.step]: step }),
    ...(attempt === undefined ? {} : { [attributeNames.attempt]: attempt }),
  };
}

function linkOf(text: Json): { traceId: string; spanId: string } {
  const [traceId = "", spanId = ""] = textOf(text).split("-");
  return { traceId, spanId };
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function valueOf(value: Json): Json {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number")
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(valueOf) } };
  return { stringValue: JSON.stringify(value) };
}
