import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { chooseDown } from "./choose.ts";

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** `prod` was deployed from here. */
function project(): string {
  const dir = mkdtempSync(join(tmpdir(), "af-down-"));
  made.push(dir);
  writeFileSync(join(dir, "agentflow.yaml"), "name: shop\ntargets:\n  prod: { kind: kubernetes }\n");
  mkdirSync(join(dir, ".agentflow/contexts"), { recursive: true });
  writeFileSync(join(dir, ".agentflow/contexts/prod.json"), "{}");
  return dir;
}

const environment = { XDG_CONFIG_HOME: "/nonexistent" };

test("a cluster is never taken down because it is the only one that is up", () => {
  const dir = project();
  expect(() => chooseDown({ dir, environment, target: undefined })).toThrow("say so to take it down");
  expect(chooseDown({ dir, environment, target: "prod" })).toBe("prod");
  expect(chooseDown({ dir, environment, target: undefined, context: "prod" })).toBe("prod");
});

test("one that somebody took into use is meant", () => {
  const dir = project();
  writeFileSync(join(dir, ".agentflow/context"), "prod\n");
  expect(chooseDown({ dir, environment, target: undefined })).toBe("prod");
});
