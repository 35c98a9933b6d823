/** What an editor reads of `.devcontainer`; that the tests run in it is for the long suite to show. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { dockerfile, parseDevcontainer } from "./parse-devcontainer.ts";

const folder = join(import.meta.dirname, "../../.devcontainer");
const text = readFileSync(join(folder, "devcontainer.json"), "utf8");

test("its Dockerfile is there, takes another base image, and ends as another user than root", () => {
  const { build, remoteUser } = parseDevcontainer(text);
  expect(existsSync(join(folder, build.dockerfile))).toBe(true);
  const lines = dockerfile(readFileSync(join(folder, build.dockerfile), "utf8"));
  expect(lines[0]).toMatch(/^ARG BASE_IMAGE=/);
  expect(lines[1]).toBe("FROM ${BASE_IMAGE}");
  expect(build.args).toHaveProperty("BASE_IMAGE");
  expect(lines.at(-1)).toBe(`USER ${remoteUser}`);
  expect(remoteUser).not.toBe("root");
});

test("what it runs first is a script of this repository", () => {
  const { updateContentCommand } = parseDevcontainer(text);
  const [, script = ""] = /^npm run (\S+)$/.exec(updateContentCommand) ?? [];
  expect(readFileSync(join(folder, "../package.json"), "utf8")).toContain(`"${script}":`);
});
