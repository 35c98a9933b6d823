import type { Lists, Omitted } from "./shapes.ts";

/** Cuts lists, each sorted by weight, from their ends until they fit; says how many entries each one lost. */
export function fitLists(lists: Lists, bytesMax: number): Lists & { readonly omitted: Omitted } {
  const sizes = {
    licences: lists.licences.map(bytesOf),
    attention: lists.attention.map(bytesOf),
    duplicates: lists.duplicates.map(bytesOf),
    installScripts: lists.installScripts.map(bytesOf),
    largest: lists.largest.map(bytesOf),
  };
  cutLongest(Object.values(sizes), bytesMax);
  const kept = {
    licences: lists.licences.slice(0, sizes.licences.length),
    attention: lists.attention.slice(0, sizes.attention.length),
    duplicates: lists.duplicates.slice(0, sizes.duplicates.length),
    installScripts: lists.installScripts.slice(0, sizes.installScripts.length),
    largest: lists.largest.slice(0, sizes.largest.length),
  };
  return {
    ...kept,
    omitted: {
      licences: lists.licences.length - kept.licences.length,
      attention: lists.attention.length - kept.attention.length,
      duplicates: lists.duplicates.length - kept.duplicates.length,
      installScripts: lists.installScripts.length - kept.installScripts.length,
      largest: lists.largest.length - kept.largest.length,
    },
  };
}

/** The first items that fit into so many bytes of JSON. */
export function fitItems<Item>(items: readonly Item[], bytesMax: number): Item[] {
  const sizes = items.map(bytesOf);
  cutLongest([sizes], bytesMax);
  return items.slice(0, sizes.length);
}

function cutLongest(lists: readonly number[][], bytesMax: number): void {
  const totals = lists.map((sizes) => sizes.reduce((total, size) => total + size, 0));
  let total = totals.reduce((all, size) => all + size, 0);
  while (total > bytesMax) {
    const longest = totals.indexOf(Math.max(...totals));
    const cut = lists[longest]?.pop();
    if (cut === undefined) return;
    totals[longest] = (totals[longest] ?? 0) - cut;
    total -= cut;
  }
}

function bytesOf(item: unknown): number {
  return Buffer.byteLength(JSON.stringify(item)) + 1;
}
