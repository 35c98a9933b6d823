import { expect, test } from "vitest";
import { schemaFaults } from "./schema-faults.ts";

test("a type that JSON Schema does not know is found wherever it stands", () => {
  const schema = {
    type: "objekt",
    properties: { "a/b": { type: ["string", "nul"] }, c: { items: { type: 7 } } },
  };
  expect(schemaFaults(schema, "/output").map(({ path, message }) => [path, message])).toEqual([
    ["/output/type", '"objekt" is no type of JSON Schema (did you mean object?)'],
    ["/output/properties/a~1b/type", '"nul" is no type of JSON Schema (did you mean null?)'],
    ["/output/properties/c/items/type", "7 is no type of JSON Schema"],
  ]);
});

test("a key of the agent that slid into its schema is warned of; a property of that name is not", () => {
  const slid = { type: "object", tools: ["a.b"], properties: { tools: { type: "array" } } };
  expect(schemaFaults(slid, "/input")).toMatchObject([{ severity: "warning", path: "/input/tools" }]);
  expect(schemaFaults(true, "/input")).toEqual([]);
});
