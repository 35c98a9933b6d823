import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { jsonSchemaNames, jsonSchemaOf, jsonSchemaText } from "./index.ts";

const folder = join(import.meta.dirname, "../../schemas");

test.each(jsonSchemaNames)("schemas/%s.json is what the schemas say; else run `npm run schemas`", (name) => {
  expect(readFileSync(join(folder, `${name}.json`), "utf8")).toBe(jsonSchemaText(name));
});

test("schemas/ holds nothing else", () => {
  expect(readdirSync(folder).toSorted()).toEqual(jsonSchemaNames.map((name) => `${name}.json`).toSorted());
});

test("another package reaches them by the package's name", () => {
  const url = import.meta.resolve("@agentflow/protocol/schemas/project.json");
  expect(url.endsWith("/protocol/schemas/project.json")).toBe(true);
});

test("a name that is not published has no schema", () => {
  expect([jsonSchemaOf("nothing"), jsonSchemaOf("constructor")]).toEqual([undefined, undefined]);
});

describe.each(jsonSchemaNames)("the schema %s", (name) => {
  test("is well-formed draft 2020-12 with its own address, title and description", () => {
    const schema = jsonSchemaOf(name);
    expect(schema).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $id: `https://agentflow.dev/schemas/v1/${name}.json`,
      title: expect.stringMatching(/^[A-Z]/),
      description: expect.stringMatching(/\w/),
    });
    expect(new Ajv2020({ validateFormats: false }).validateSchema(schema ?? false)).toBe(true);
  });
});

test.each(["project", "workflow", "model-script"])(
  "an editor has a sentence to show for every key of a %s",
  (name) => {
    const silent: string[] = [];
    const visit = (node: unknown, path: string): void => {
      if (typeof node !== "object" || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        const here = `${path}/${key}`;
        // Below examples stands data, no schema.
        if (key === "examples" || key === "default") continue;
        if (path.endsWith("/properties") && !/"description":"[^"]+\."/.test(JSON.stringify(value)))
          silent.push(here);
        visit(value, here);
      }
    };
    visit(jsonSchemaOf(name), "");
    expect(silent).toEqual([]);
  },
);
