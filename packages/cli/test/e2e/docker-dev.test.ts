/** What `af dev --on docker` refuses, before any container is made. */
import { expect, test } from "vitest";
import { openedHere } from "./opened.ts";
import { oneTool } from "./scratch.ts";

const { project, start } = openedHere();

const targets = `apiVersion: agentflow.dev/v1
kind: Project
name: scratch
targets:
  staging: {kind: docker, host: "ssh://ada@far.example"}
  prod: {kind: kubernetes}
`;

test.each<{ what: string; words: string[]; engine?: string; code: number; reason: string; says: string }>([
  {
    what: "an engine on another machine, which cannot mount the project",
    words: [],
    engine: "tcp://192.0.2.1:2375",
    code: 8,
    reason: "engine_elsewhere",
    says: "DOCKER_HOST",
  },
  {
    what: "a target whose engine is on another machine",
    words: ["--target", "staging"],
    code: 8,
    reason: "engine_elsewhere",
    says: "target staging",
  },
  {
    what: "a target that is not there",
    words: ["--target", "stagin"],
    code: 2,
    reason: "unknown_target",
    says: "staging",
  },
  {
    what: "a target of another kind",
    words: ["--target", "prod"],
    code: 2,
    reason: "no_docker_target",
    says: "staging",
  },
  { what: "another bus", words: ["--bus", "nats"], code: 2, reason: "bus_not_shared", says: "af up" },
  {
    what: "a folder outside",
    words: ["--writable", "../other"],
    code: 2,
    reason: "not_in_project",
    says: "../other",
  },
  {
    what: "the project itself",
    words: ["--writable", "."],
    code: 2,
    reason: "not_in_project",
    says: "reports",
  },
  {
    what: "an engine that does not answer",
    words: [],
    engine: "unix:///nowhere/docker.sock",
    code: 6,
    reason: "engine_unreachable",
    says: "/nowhere/docker.sock",
  },
])("it refuses $what", async ({ words, engine, code, reason, says }) => {
  const scratch = project({ ...oneTool("return n;"), "agentflow.yaml": targets });
  const environment = engine === undefined ? {} : { DOCKER_HOST: engine };
  const dev = start(scratch, { args: ["--on", "docker", ...words], environment });
  expect(await dev.exited).toBe(code);
  expect(dev.said()).toContain(reason);
  expect(dev.said()).toContain(says);
});
