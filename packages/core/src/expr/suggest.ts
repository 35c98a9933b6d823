const candidatesMax = 200;
const charsMax = 40;

/** `, did you mean "x"?` when a known word is close to the one that was written, else nothing. */
export function didYouMean(written: string, known: readonly string[]): string {
  if (written.length > charsMax || known.length > candidatesMax) return "";
  let best: string | undefined;
  let bestDistance = written.length < 4 ? 2 : 3;
  for (const word of known) {
    if (word.length > charsMax) continue;
    const far = distance(written.toLowerCase(), word.toLowerCase());
    if (far < bestDistance) [best, bestDistance] = [word, far];
  }
  return best === undefined ? "" : `, did you mean "${best}"?`;
}

/** Levenshtein's, one row at a time. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const swap = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(swap, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
