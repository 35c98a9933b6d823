import { code, generated, page, table } from "./markdown.ts";
import { branches, node, properties, readSchema, type SchemaNode } from "./schema.ts";

/** Every kind of event of a run with its keys, from the schema of the commit. */
export function eventsPage(): string {
  const events = eventsOf("commit");
  return page([
    "# Events of a run",
    generated,
    "A run is what its events say. They are written in order, never edited and never dropped while " +
      "the run is kept. `af run watch`, `af trace`, the API and your own tools read the same ones.",
    'Times are RFC 3339, UTC, with milliseconds. A value is `{"inline": …}` up to 64 KiB, else ' +
      '`{"blob": "<key>", "bytes": n}`. Later versions may add keys: ignore those that you do not know.',
    contents(events),
    ...events.flatMap(section),
  ]);
}

/** Every kind of event of an agent step's journal. */
export function journalPage(): string {
  const events = eventsOf("journal");
  return page([
    "# Journal of an agent",
    generated,
    "What a model agent did within its step, across all attempts: each reply and each call is written " +
      "down before the next. Another attempt goes on from what stands here. A sub-agent has a journal of " +
      "its own, under the step's name and `~<n>`.",
    "A record is one append: its `events` became true together. Times and values are written as in the " +
      "[events of a run](events.md). Later versions may add keys: ignore those that you do not know.",
    contents(events),
    ...events.flatMap(section),
  ]);
}

function eventsOf(schema: string): SchemaNode[] {
  const { properties: keys } = readSchema(schema);
  return branches(node(node(node(keys)["events"])["items"]));
}

function contents(events: readonly SchemaNode[]): string {
  return table(
    ["Event", "What it says"],
    events.map((event) => [`[${code(kindOf(event))}](#${kindOf(event)})`, String(event["description"])]),
  );
}

function section(event: SchemaNode): string[] {
  const rows = properties(event)
    .filter(({ name }) => name !== "kind")
    .map(({ name, required, type, description }) => [
      code(name),
      type,
      required ? "always" : "",
      description,
    ]);
  return [
    `## ${kindOf(event)}`,
    String(event["description"]),
    table(["Key", "Type", "Present", "Meaning"], rows),
  ];
}

function kindOf(event: SchemaNode): string {
  return String(node(node(event["properties"])["kind"])["const"]);
}
