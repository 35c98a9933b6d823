/** What a collector's answer says that it did not take; nothing, where it says nothing that can be read. */
export function parsePartialSuccess(text: string): { readonly rejected: number; readonly message?: string } {
  const partial = partOf(text);
  if (partial === undefined) return { rejected: 0 };
  // Whole numbers of 64 bits are texts in this JSON.
  const rejected = Number(partial.rejectedSpans ?? 0);
  const { errorMessage: message } = partial;
  return {
    rejected: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0,
    ...(typeof message === "string" ? { message: message.slice(0, 200) } : {}),
  };
}

interface Partial {
  readonly rejectedSpans?: unknown;
  readonly errorMessage?: unknown;
}

function partOf(text: string): Partial | undefined {
  try {
    const answer = JSON.parse(text) as { partialSuccess?: Partial | null } | null;
    return answer?.partialSuccess ?? undefined;
  } catch {
    return undefined;
  }
}
