import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chooseContext } from "./choose-context.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "af-choose-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

type Said = "--url" | "--context" | "AF_URL" | "AF_CONTEXT" | "project" | "user";

function choose(said: readonly Said[]): string {
  const project = path.join(root, "project");
  const user = path.join(root, "user");
  mkdirSync(path.join(project, ".agentflow"), { recursive: true });
  mkdirSync(user, { recursive: true });
  if (said.includes("project"))
    writeFileSync(path.join(project, ".agentflow/context"), "of-project\nbefore\n");
  if (said.includes("user")) writeFileSync(path.join(user, "contexts.yaml"), "current: of-user\n");
  const choice = chooseContext(
    { project, user },
    {
      url: said.includes("--url") ? "http://flag" : undefined,
      context: said.includes("--context") ? "of-flag" : undefined,
      environment: {
        AF_URL: said.includes("AF_URL") ? "http://environment" : "",
        AF_CONTEXT: said.includes("AF_CONTEXT") ? "of-environment" : undefined,
      },
    },
  );
  return `${choice.kind === "url" ? choice.url : choice.name} by ${choice.by}`;
}

const strongestFirst = ["--url", "--context", "AF_URL", "AF_CONTEXT", "project", "user"] as const;

test.each([
  [0, "http://flag by flag"],
  [1, "of-flag by flag"],
  [2, "http://environment by environment"],
  [3, "of-environment by environment"],
  [4, "of-project by project"],
  [5, "of-user by user"],
  [6, "dev by default"],
])("without the %i strongest it is %s", (weaker, chosen) => {
  expect(choose(strongestFirst.slice(weaker))).toBe(chosen);
  // What is weaker still changes nothing.
  expect(choose(strongestFirst.slice(weaker, weaker + 1))).toBe(chosen);
});

test("outside of projects the user's own choice is asked; a damaged file is said, not passed over", () => {
  const user = path.join(root, "user");
  mkdirSync(user, { recursive: true });
  const places = { project: undefined, user };
  expect(chooseContext(places, { environment: {} })).toMatchObject({ name: "dev", by: "default" });
  writeFileSync(path.join(user, "contexts.yaml"), "current: prod\n");
  expect(chooseContext(places, { environment: {} })).toMatchObject({ name: "prod", by: "user" });
  writeFileSync(path.join(user, "contexts.yaml"), "contexts: [\n");
  expect(() => chooseContext(places, { environment: {} })).toThrow(/contexts\.yaml cannot be used/);
  expect(chooseContext(places, { context: "dev", environment: {} })).toMatchObject({ by: "flag" });
});

test("with nothing said it is the one installation that is up, unless af dev runs or there are two", () => {
  const project = path.join(root, "shop");
  const saved = path.join(project, ".agentflow/contexts");
  mkdirSync(saved, { recursive: true });
  const places = { project, user: path.join(root, "user") };
  const chosen = (): string => {
    const { kind, by, ...choice } = chooseContext(places, { environment: {} });
    return kind === "context" && "name" in choice ? `${choice.name} by ${by}` : kind;
  };
  expect(chosen()).toBe("dev by default");
  writeFileSync(path.join(saved, "docker.json"), "{}");
  expect(chosen()).toBe("docker by default");
  const running = {
    pid: process.pid,
    url: "http://127.0.0.1:4180",
    version: "0.1.0",
    startedAt: "2026-01-01T00:00:00.000Z",
  };
  writeFileSync(path.join(project, ".agentflow/dev.json"), JSON.stringify(running));
  expect(chosen()).toBe("dev by default");
  rmSync(path.join(project, ".agentflow/dev.json"));
  writeFileSync(path.join(saved, "staging.json"), "{}");
  expect(chosen()).toBe("dev by default");
});
