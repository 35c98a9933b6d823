/** What the tool answers. */
export interface Said {
  readonly count: number;
  readonly attempt: number;
}

export function parseSaid(output: unknown): Said | undefined {
  const value = (output as { readonly value?: Partial<Said> } | null | undefined)?.value;
  const { count, attempt } = value ?? {};
  return typeof count === "number" && typeof attempt === "number" ? { count, attempt } : undefined;
}
