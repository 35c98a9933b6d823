/** The known word that a mistyped one most likely meant, or undefined when none is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const typed = word.slice(0, charsMax).toLowerCase();
  let best: string | undefined;
  let bestDistance = (typed.length <= 3 ? 1 : typed.length <= 6 ? 2 : 3) + 1;
  for (const candidate of known) {
    const meant = candidate.toLowerCase();
    const isBeginning = typed.length >= 3 && meant.length - typed.length <= 3 && meant.startsWith(typed);
    const distance = isBeginning ? 1 : editDistance(typed, meant);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

const charsMax = 64;

/** Insertions, deletions, changes and swaps of neighbours that turn one word into the other; 4 from 4 on. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 3) return 4;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = last;
    last = row;
  }
  return Math.min(4, last[b.length] ?? 0);
}
