/** A fault of what the caller gave: the message says what is wrong with it and what to do instead. */
export class InputError extends Error {
  readonly code: "invalid_input" | "not_found" | "limit_exceeded" | "conflict";

  constructor(code: InputError["code"], message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = "InputError";
    this.code = code;
  }
}

/** The `code` of a Node system error such as ENOENT; undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
