/** Orders that are the same on every machine: by code unit, never by locale. */
export function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Counts of equal values, as pairs in the order of first appearance. */
export function tally<Key>(keys: Iterable<Key>): Map<Key, number> {
  const counts = new Map<Key, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

/** Items under the same key, in the order of first appearance. */
export function gather<Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const gathered = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const list = gathered.get(key);
    if (list === undefined) gathered.set(key, [item]);
    else list.push(item);
  }
  return gathered;
}

export function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
