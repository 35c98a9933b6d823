export interface AllOwner {
  readonly owner: string;
  /** Made once a process; an earlier release wrote none. */
  readonly life: string | undefined;
}

/** Who holds all shards, by its row; undefined for none, and for one that is not known. */
export function parseOwner(text: string | undefined): AllOwner | undefined {
  try {
    const row: unknown = JSON.parse(text ?? "null");
    if (typeof row !== "object" || row === null || !("owner" in row)) return undefined;
    if (typeof row.owner !== "string") return undefined;
    return { owner: row.owner, life: "life" in row && typeof row.life === "string" ? row.life : undefined };
  } catch {
    return undefined;
  }
}
