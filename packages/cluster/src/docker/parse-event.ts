/** An event of an engine; undefined for what is none. */
export interface EngineEvent {
  readonly id: string;
  readonly attributes: { readonly [name: string]: string };
}

export function parseEvent(line: string): EngineEvent | undefined {
  if (line.trim() === "") return undefined;
  try {
    const event = JSON.parse(line) as {
      readonly Actor?: { readonly ID?: string; readonly Attributes?: { readonly [name: string]: string } };
    };
    const { ID: id, Attributes: attributes = {} } = event.Actor ?? {};
    return id === undefined ? undefined : { id, attributes };
  } catch {
    return undefined;
  }
}
