import { expect, test } from "vitest";
import type { ContextFile } from "./context.ts";
import { planOurs, planProject } from "./plan.ts";

const base = { reference: "node:24-slim", id: "sha256:1" };
const file = (path: string, text: string): ContextFile => ({ path, from: { text } });
const project = {
  project: "triage",
  version: "1.2.3",
  base,
  worker: "agentflow/worker:1.2.3-aa",
  code: [file("code/a.ts", "1")],
  dependencies: [file("dependencies/package.json", "{}")],
};
const references = (plan: Parameters<typeof planProject>[0]): string[] =>
  planProject(plan).map(({ reference }) => reference);

test("tags say the version and the content: another file or another base, another tag", () => {
  const [controlPlane, worker] = planOurs([file("app/a.js", "1")], base, "1.2.3");
  expect(controlPlane.reference).toMatch(/^agentflow\/control-plane:1\.2\.3-[0-9a-f]{12}$/);
  expect(worker.reference).toMatch(/^agentflow\/worker:1\.2\.3-[0-9a-f]{12}$/);
  const [changed] = planOurs([file("app/a.js", "2")], base, "1.2.3");
  const [rebased] = planOurs([file("app/a.js", "1")], { ...base, id: "sha256:2" }, "1.2.3");
  expect(new Set([controlPlane.reference, changed.reference, rebased.reference]).size).toBe(3);
});

test("the worker image stands on the control plane's, so all layers but its last are shared", () => {
  const [controlPlane, worker] = planOurs([], base, "1.2.3");
  expect(worker.args).toEqual({ CONTROL_PLANE: controlPlane.reference });
  expect(worker.files).toEqual([
    file(
      "worker.Dockerfile",
      expect.stringMatching(/^ARG CONTROL_PLANE\nFROM \$\{CONTROL_PLANE\}\nUSER 0:0\nWORKDIR/),
    ),
  ]);
});

test("new code is a new tag of the project, on the same worker", () => {
  const [before = ""] = references(project);
  const [after = ""] = references({ ...project, code: [file("code/a.ts", "2")] });
  expect(before).toMatch(/^agentflow\/triage:[0-9a-f]{12}$/);
  expect(after).not.toBe(before);
  expect(references(project)).toEqual([before]);
});

test("the user's steps change with the code when they take files, and else do not", () => {
  const changed = { ...project, code: [file("code/a.ts", "2")] };
  const plain = "ARG WORKER_IMAGE\nFROM ${WORKER_IMAGE}\nUSER root\nRUN apt-get update\n";
  const copying = `${plain}COPY a.ts /opt/\n`;
  const stepsOf = (plan: typeof project, steps: string): string => references({ ...plan, steps })[0] ?? "";
  expect(stepsOf(project, plain)).toMatch(/^agentflow\/triage-steps:/);
  expect(stepsOf(changed, plain)).toBe(stepsOf(project, plain));
  expect(stepsOf(changed, copying)).not.toBe(stepsOf(project, copying));
});

test("the project's image stands on the user's steps where there are some", () => {
  const steps = "ARG WORKER_IMAGE\nFROM ${WORKER_IMAGE}\n";
  const [first, last] = planProject({ ...project, steps });
  expect(last?.args).toEqual({ WORKER_IMAGE: first?.reference });
  expect(first?.args).toEqual({ WORKER_IMAGE: project.worker });
});
