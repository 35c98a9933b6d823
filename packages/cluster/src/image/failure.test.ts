import { expect, test } from "vitest";
import { StepFailed } from "./builder/builder.ts";
import { failed } from "./builder/buildx.ts";
import { failedClassic } from "./builder/classic.ts";
import { buildFailure } from "./failure.ts";
import { recipe, withoutMounts } from "./recipes.ts";

const steps = "ARG WORKER_IMAGE\nFROM ${WORKER_IMAGE}\nUSER root\nRUN apt-get install -y \\\n  nothing\n";
const users = {
  image: "agentflow/triage-steps",
  file: "Dockerfile.agentflow",
  dockerfile: steps,
  users: true,
  address: { host: "unix:///run/docker.sock", verify: true, from: "default" },
  aborted: false,
  builder: "buildx",
} as const;
const ours = { ...users, image: "agentflow/triage", file: "project.Dockerfile", users: false };
const install = 'RUN --mount=type=secret,id=ca ["node", "/opt/agentflow/install.js", "/build", "/out"]';

test("a step of the user's that fails is named with its line and the last it printed", () => {
  const lines = Array.from({ length: 30 }, (_, n) => `line ${n + 1}`);
  const error = buildFailure(
    new StepFailed("exit code: 100", "RUN apt-get install -y   nothing", lines),
    users,
  );
  expect(error).toMatchObject({
    code: "invalid_project",
    reason: "build_failed",
    message: "RUN apt-get install -y   nothing failed\nline 30",
    details: { file: "Dockerfile.agentflow", line: 4, lines: lines.slice(10) },
  });
});

test("a Dockerfile that cannot be read is said with its line, whoever built it", () => {
  const said = "failed to solve: dockerfile parse error line 4: unknown instruction: RUM";
  for (const error of [new StepFailed(said, "", []), new Error(`(HTTP code 400) unexpected - ${said}`)]) {
    expect(buildFailure(error, users)).toMatchObject({
      code: "invalid_project",
      message: "Dockerfile.agentflow: unknown instruction: RUM",
      details: { line: 4 },
    });
  }
});

test.each([
  ["npm error code SELF_SIGNED_CERT_IN_CHAIN", "unavailable", "build_network"],
  ["npm error errno ENOTFOUND", "unavailable", "build_network"],
  ["npm error code ENOSPC", "unavailable", "disk_full"],
  ["npm error `npm ci` … package-lock.json … are in sync", "invalid_project", "lock_file_differs"],
  ["npm error code E404", "invalid_project", "build_failed"],
])("npm's %s is %s: %s", (line, code, reason) => {
  expect(buildFailure(new StepFailed("exit code: 1", install, [line]), ours)).toMatchObject({ code, reason });
});

test("how npm is called and where its log was are left out of what it said", () => {
  const lines = [
    "npm error code E404",
    "npm error",
    "npm error A complete log of this run can be found in: /root",
  ];
  const error = buildFailure(new StepFailed("exit code: 1", install, lines), ours);
  expect(error.details["lines"]).toEqual(["npm error code E404"]);
});

test("buildx is advised to those alone that build without it", () => {
  const noAnswer = new StepFailed("exit code: 1", install, ["npm error code ENOTFOUND"]);
  const advice = (builder: "buildx" | "classic"): string =>
    buildFailure(noAnswer, { ...ours, builder }).suggestions.join("\n");
  expect(advice("buildx")).toContain("~/.npmrc");
  expect(advice("buildx")).not.toContain("install docker buildx");
  expect(advice("classic")).toContain("install docker buildx");
});

test("a build that was stopped is no failure of a step", () => {
  const error = buildFailure(new StepFailed("canceled", "RUN a", []), { ...users, aborted: true });
  expect(error.reason).toBe("cancelled");
});

test("of what buildx says, the step and all that it printed are kept", () => {
  const said = [
    "#5 [2/3] RUN echo before",
    "#5 0.101 before",
    "#5 DONE 0.2s",
    "#6 [3/3] RUN echo one && false",
    "#6 0.223 one",
    "#6 ERROR: executor failed running [/bin/sh -c echo one && false]: exit code: 1",
    "------",
    " > [3/3] RUN echo one && false:",
    "#6 0.223 one",
    "------",
    "ERROR: failed to build: failed to solve: executor failed running [/bin/sh -c false]: exit code: 1",
  ];
  const { message, step, lines } = failed(said.toSpliced(8, 1));
  expect(step).toBe("RUN echo one && false");
  expect(lines).toEqual(["one"]);
  expect(message).toBe("executor failed running [/bin/sh -c false]: exit code: 1");
});

test("of what the classic builder says, the step and what it printed are kept", () => {
  const said = [
    "Step 3/4 : USER root",
    " ---> Running in 0123456789ab",
    "Removing intermediate container 0123456789ab",
    " ---> 89abcdef0123",
    "Step 4/4 : RUN echo one && false",
    " ---> Running in fedcba987654",
    "one",
    "Removing intermediate container fedcba987654",
  ];
  const { message, step, lines } = failedClassic("returned a non-zero code: 1", said);
  expect({ message, step, lines }).toEqual({
    message: "returned a non-zero code: 1",
    step: "RUN echo one && false",
    lines: ["one"],
  });
});

test("for the classic builder nothing is mounted, and nothing else is different", () => {
  const text = recipe("project.Dockerfile");
  expect(text).toContain("RUN --mount=type=secret,id=ca,");
  expect(withoutMounts(text)).toContain('\nRUN ["node", "/opt/agentflow/install.js", "/build", "/out"]\n');
  expect(withoutMounts(text).split("\n").length).toBe(text.split("\n").length);
});
