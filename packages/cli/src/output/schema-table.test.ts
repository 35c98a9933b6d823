import { expect, test } from "vitest";
import type { JsonSchema } from "@agentflow/protocol";
import { createOutput } from "./output.ts";
import { printSchema } from "./schema-table.ts";

function shown(schema: JsonSchema | undefined): string[] {
  let text = "";
  const sink = { write: (more: string) => (text += more) };
  const output = createOutput({
    json: false,
    noColor: true,
    debug: false,
    environment: {},
    stdout: sink,
    stderr: sink,
  });
  printSchema(output, "Input", schema);
  return text.trim().split("\n");
}

test("an object's keys stand below each other, with type, need and meaning", () => {
  const lines = shown({
    type: "object",
    required: ["name", "size"],
    properties: {
      name: { type: "string", minLength: 1, description: "who is greeted" },
      size: { enum: ["s", "m"] },
      tags: { type: "array", items: { anyOf: [{ type: "string" }, { type: "null" }] } },
      more: {},
    },
  });
  expect(lines).toEqual([
    "Input",
    "KEY   TYPE               NEEDED  WHAT",
    "name  string             yes     who is greeted",
    'size  "s" | "m"          yes',
    "tags  (string | null)[]  no",
    "more  anything           no",
  ]);
});

test.each([
  [undefined, "anything"],
  [{ type: "array", items: { type: "integer" } }, "integer[]"],
  [{ type: "object", properties: {} }, "no keys"],
  [{ not: {} }, '{"not":{}}'],
])("%j is shown as %s", (schema, line) => {
  expect(shown(schema)).toEqual(["Input", line]);
});
