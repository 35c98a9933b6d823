import { code, generated, page, table } from "./markdown.ts";
import { branches, node, properties, readSchema, type SchemaNode } from "./schema.ts";

/** Every kind of event with its keys, from the schema of the commit. */
export function eventsPage(): string {
  const commit = readSchema("commit");
  const events = branches(node(node(node(commit["properties"])["events"])["items"]));
  return page([
    "# Events of a run",
    generated,
    "A run is what its events say. They are written in order, never edited and never dropped while " +
      "the run is kept. `af run watch`, `af trace`, the API and your own tools read the same ones.",
    'Times are RFC 3339, UTC, with milliseconds. A value is `{"inline": …}` up to 64 KiB, else ' +
      '`{"blob": "<key>", "bytes": n}`. Later versions may add keys: ignore those that you do not know.',
    table(
      ["Event", "What it says"],
      events.map((event) => [`[${code(kindOf(event))}](#${kindOf(event)})`, String(event["description"])]),
    ),
    ...events.flatMap(section),
  ]);
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
