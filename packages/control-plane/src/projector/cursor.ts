import { AgentFlowError } from "@agentflow/protocol";

/** Behind the `n`th event of the commit at `revision`; `n` is -1 before its first. */
export interface EventPlace {
  readonly revision: number;
  readonly n: number;
}

/** Opaque to clients: what it holds may change, what was given out stays readable. */
export function showPlace(place: EventPlace): string {
  return `e${place.revision.toString(36)}-${(place.n + 1).toString(36)}`;
}

const placePattern = /^e([0-9a-z]{1,11})-([0-9a-z]{1,6})$/;

/** The empty cursor is "before everything". */
export function readPlace(cursor: string): EventPlace {
  if (cursor === "") return { revision: 0, n: -1 };
  const match = placePattern.exec(cursor);
  if (match === null) throw invalidCursor(cursor);
  return { revision: Number.parseInt(match[1] ?? "", 36), n: Number.parseInt(match[2] ?? "", 36) - 1 };
}

export function invalidCursor(cursor: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `${JSON.stringify(cursor.slice(0, 40))} is not a cursor`, {
    reason: "invalid_cursor",
    suggestions: ["pass a cursor that this server gave, or leave it out"],
  });
}
