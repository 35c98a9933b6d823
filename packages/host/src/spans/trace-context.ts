/** W3C Trace Context: one line of text that makes spans of several processes one trace. */
export interface TraceContext {
  /** 32 lower-case hex digits, not all zero. */
  readonly trace: string;
  /** 16 lower-case hex digits, not all zero. */
  readonly span: string;
  readonly sampled: boolean;
}

const shape = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The context in a `traceparent`; undefined for what the standard calls invalid: that starts a trace. */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  // A later version may add fields; 200 characters are far more than any we could understand.
  if (text === undefined || text.length > 200) return undefined;
  const [, version, trace = "", span = "", flags = "", rest] = shape.exec(text.trim()) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(trace) || /^0+$/.test(span)) return undefined;
  return { trace, span, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent({ trace, span, sampled }: TraceContext): string {
  return `00-${trace}-${span}-${sampled ? "01" : "00"}`;
}
