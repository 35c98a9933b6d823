/** The owner that a row `owner.<name>` names; undefined for none, and for one that is not known. */
export function parseOwner(text: string | undefined): string | undefined {
  try {
    const row: unknown = JSON.parse(text ?? "null");
    if (typeof row !== "object" || row === null || !("owner" in row)) return undefined;
    return typeof row.owner === "string" ? row.owner : undefined;
  } catch {
    return undefined;
  }
}
