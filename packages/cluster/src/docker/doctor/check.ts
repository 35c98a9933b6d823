/** One line about an engine or what runs on it: a fact, and the fix where one is needed. */
export interface EngineCheck {
  readonly name: string;
  /** `note` is worth knowing; only `bad` must be fixed. */
  readonly state: "good" | "note" | "bad";
  readonly fact: string;
  readonly fix?: string;
}

export const good = (name: string, fact: string): EngineCheck => ({ name, state: "good", fact });

export const note = (name: string, fact: string, fix?: string): EngineCheck => ({
  name,
  state: "note",
  fact,
  ...(fix === undefined ? {} : { fix }),
});

export const bad = (name: string, fact: string, fix?: string): EngineCheck => ({
  name,
  state: "bad",
  fact,
  ...(fix === undefined ? {} : { fix }),
});
