/** Spans of a step as a person reads them: each below the one in which it happened, long lists folded. */
import type { SpanRecord } from "@agentflow/protocol";

export interface TreeRow {
  readonly span: SpanRecord;
  readonly depth: number;
}

export type SpanLine = TreeRow | { readonly folded: number; readonly depth: number };

export const foldLimits = { siblings: 12, kept: 5 } as const;
const depthMax = 6;

/** In order of their begin. What has no parent here stands at the left. Repeats of a span are one. */
export function spanTree(spans: readonly SpanRecord[], options: { readonly all: boolean }): SpanLine[] {
  const byId = new Map(spans.map((span) => [span.span, span]));
  const below = new Map<string | undefined, SpanRecord[]>();
  for (const span of byId.values()) {
    const parent = span.parent !== undefined && byId.has(span.parent) ? span.parent : undefined;
    below.set(parent, [...(below.get(parent) ?? []), span]);
  }
  const shown = new Set<string>();
  const lines: SpanLine[] = [];
  const walk = (parent: string | undefined, depth: number): void => {
    const children = (below.get(parent) ?? []).toSorted((a, b) => startMs(a) - startMs(b));
    const isLong = !options.all && children.length > foldLimits.siblings;
    const head = isLong ? children.slice(0, foldLimits.kept) : children;
    const tail = isLong ? children.slice(-foldLimits.kept) : [];
    const each = (span: SpanRecord): void => {
      // Whoever writes spans may write a ring of them.
      if (shown.has(span.span)) return;
      shown.add(span.span);
      lines.push({ span, depth });
      walk(span.span, Math.min(depth + 1, depthMax));
    };
    head.forEach(each);
    if (isLong) lines.push({ folded: children.length - head.length - tail.length, depth });
    tail.forEach(each);
  };
  walk(undefined, 0);
  return lines;
}

function startMs({ startedAt }: SpanRecord): number {
  return Date.parse(startedAt);
}

/** The name as short as it can be: what it is of matters, and the column is narrow. */
export function spanName({ name }: SpanRecord): string {
  if (name.startsWith("execute_tool ")) return `${name.slice("execute_tool ".length)}()`;
  return name.startsWith("invoke_agent ") ? `agent ${name.slice("invoke_agent ".length)}` : name;
}
