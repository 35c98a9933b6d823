/**
 * Which process was the one before, of each name: writers are called `<name>.<start>`, see
 * `createNumbering`.
 */
const runsSuffix = "/runs";

interface Start {
  readonly writer: string;
  readonly atMs: number;
}

/** Of each name the newest but one, with what its runs said meanwhile. */
export function previousWriters(writers: readonly string[]): string[] {
  const byName = Map.groupBy(writers.flatMap(startOf), ({ name }) => name);
  const out: string[] = [];
  for (const [name, starts] of byName) {
    if (name.endsWith(runsSuffix)) continue;
    const [current, previous] = starts.toSorted((a, b) => b.atMs - a.atMs);
    if (current === undefined || previous === undefined) continue;
    const runs = byName.get(`${name}${runsSuffix}`) ?? [];
    const meanwhile = runs.filter(({ atMs }) => atMs >= previous.atMs && atMs < current.atMs);
    out.push(previous.writer, ...meanwhile.map(({ writer }) => writer));
  }
  return out;
}

function startOf(writer: string): (Start & { readonly name: string })[] {
  const dot = writer.lastIndexOf(".");
  const atMs = Number.parseInt(writer.slice(dot + 1), 36);
  return dot < 1 || !Number.isFinite(atMs) ? [] : [{ writer, name: writer.slice(0, dot), atMs }];
}
