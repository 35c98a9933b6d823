import { AgentFlowError, nearest } from "@agentflow/protocol";

/** `not_found` with the name that was probably meant and the command that lists all. */
export function noSuch(kind: string, name: string, known: readonly string[]): AgentFlowError {
  const near = nearest(name, known);
  return new AgentFlowError("not_found", `there is no ${kind} ${JSON.stringify(name)}`, {
    reason: `no_such_${kind}`,
    suggestions: [
      ...(near === undefined ? [] : [`did you mean: ${near}`]),
      known.length === 0 ? `there is none yet` : `there are: ${known.slice(0, 8).join(", ")}`,
      `af ${kind} list`,
    ],
  });
}

/** The one item that a name or the unique beginning of one means. */
export function pick<Item>(of: {
  readonly kind: string;
  readonly name: string;
  readonly items: readonly Item[];
  readonly nameOf: (item: Item) => string;
}): Item {
  const { kind, name, items, nameOf } = of;
  const exact = items.find((item) => nameOf(item) === name);
  if (exact !== undefined) return exact;
  const begun = items.filter((item) => nameOf(item).startsWith(name));
  const [only] = begun;
  if (only !== undefined && begun.length === 1) return only;
  if (only === undefined) throw noSuch(kind, name, items.map(nameOf));
  throw new AgentFlowError("invalid_input", `${begun.length} names begin with ${JSON.stringify(name)}`, {
    reason: "ambiguous_name",
    suggestions: begun.slice(0, 3).map(nameOf),
  });
}
