/** What of a pool's slots falls to one owner of several. */

export interface ShareInput {
  readonly group: string;
  readonly node: string;
  /** Tasks of this owner that wait or are out. */
  readonly own: number;
  readonly total: number;
  /** The other owners, with what they last told of theirs. */
  readonly others: readonly {
    readonly node: string;
    readonly demand: { readonly [group: string]: number };
  }[];
}

/**
 * Water filling: who needs less than an equal share leaves the rest to the others. All owners reckon the
 * same from the same numbers, so the shares add up to the total; each gets one at least, so none starves
 * where there are more owners than slots.
 */
export function shareOf({ group, node, own, total, others }: ShareInput): number {
  const all = others.flatMap((other) => {
    const demand = other.demand[group] ?? 0;
    return demand > 0 && other.node !== node ? [{ node: other.node, demand }] : [];
  });
  if (all.length === 0 || own === 0) return total;
  all.push({ node, demand: own });
  all.sort((a, b) => a.demand - b.demand || (a.node < b.node ? -1 : 1));
  let left = total;
  for (const [place, one] of all.entries()) {
    const share = Math.min(one.demand, Math.ceil(left / (all.length - place)));
    if (one.node === node) return Math.max(1, share);
    left -= share;
  }
  return total;
}

/** Demands of several owners as one. */
export function addUp(demands: readonly { readonly [group: string]: number }[]): {
  readonly [group: string]: number;
} {
  const sums = new Map<string, number>();
  for (const demand of demands) {
    for (const [group, count] of Object.entries(demand)) sums.set(group, (sums.get(group) ?? 0) + count);
  }
  return Object.fromEntries(sums);
}
