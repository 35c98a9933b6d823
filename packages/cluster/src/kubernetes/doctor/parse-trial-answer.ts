export interface PodAnswer {
  readonly now: number;
  readonly uid: number;
  readonly writable: boolean;
  readonly token: boolean;
  /** Address of the API server by its name; with `!` the reason why there is none. */
  readonly name: string;
  readonly arch: string;
}

/** Undefined when something else answered. */
export function parseTrialAnswer(text: string): PodAnswer | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { now, uid, writable, token, name, arch } = (value ?? {}) as Record<string, unknown>;
  if (typeof now !== "number" || typeof uid !== "number" || typeof name !== "string") return undefined;
  return { now, uid, writable: writable === true, token: token === true, name, arch: String(arch) };
}
