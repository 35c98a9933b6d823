/** The owner that a row `owner.<name>` names; undefined for no row and for one that this build does not know. */
export function parseOwner(text: string | undefined): string | undefined {
  try {
    const row: unknown = JSON.parse(text ?? "null");
    if (typeof row !== "object" || row === null || !("owner" in row)) return undefined;
    return typeof row.owner === "string" ? row.owner : undefined;
  } catch {
    return undefined;
  }
}
