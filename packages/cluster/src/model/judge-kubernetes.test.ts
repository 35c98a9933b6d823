import { AgentFlowError, type Finding } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { targetFindings } from "./judge.ts";
import { openTarget } from "./open-target.ts";
import { parseProject } from "./parse-project.ts";

const head = "apiVersion: agentflow.dev/v1\nkind: Project\nname: triage\npools: {gpu: {concurrency: 1}}\n";

async function findingsOf(target: string, more = ""): Promise<readonly Finding[]> {
  const parsed = await parseProject(parse(`${head}${more}targets: {prod: {kind: kubernetes${target}}}`));
  if ("faults" in parsed) throw new Error(JSON.stringify(parsed.faults));
  return targetFindings(parsed.project, parsed.document);
}

const at = "/targets/prod";

test.each<readonly [what: string, target: string, code: string, path: string, says: string]>([
  [
    "a pool that is not there",
    "scaling: {gpv: {min: 1, max: 2}}",
    "AF952",
    "/scaling/gpv",
    "did you mean gpu",
  ],
  [
    "more at least than at most",
    "scaling: {gpu: {min: 3, max: 2}}",
    "AF953",
    "/scaling/gpu/min",
    "at least 3",
  ],
  [
    "a number that is scaled as well",
    "workers: {gpu: 1}, scaling: {gpu: {min: 0, max: 2}}",
    "AF954",
    "/scaling/gpu",
    "leave out workers.gpu",
  ],
  [
    "a registry and a command",
    'registry: r.example/a, imageLoad: "kind load docker-image {image}"',
    "AF955",
    "/imageLoad",
    "not both",
  ],
  ["a command without a place for the image", "imageLoad: kind load", "AF956", "/imageLoad", "{image}"],
  ["the cluster's own namespace", "namespace: kube-system", "AF958", "/namespace", "belongs to the cluster"],
  ["another bus", "bus: redis", "AF944", "/bus", "NATS"],
  [
    "too little memory for NATS",
    "limits: {nats: {memoryMb: 256}}",
    "AF961",
    "/limits/nats/memoryMb",
    "256 MiB",
  ],
  ["a login in the address of NATS", 'nats: {url: "nats://u:p@n"}', "AF945", "/nats/url", "password"],
])("%s is an error, with its place", async (_, target, code, path, says) => {
  const found = await findingsOf(`, ${target}`);
  expect(found).toMatchObject([{ code, severity: "error", path: `${at}${path}` }]);
  expect(`${found[0]?.message} ${found[0]?.hint}`).toContain(says);
});

test("an ingress without a certificate is a warning", async () => {
  expect(await findingsOf(", ingress: {host: a.example}")).toMatchObject([
    { code: "AF957", severity: "warning", path: `${at}/ingress` },
  ]);
  expect(await findingsOf(", ingress: {host: a.example, tlsSecret: t}")).toEqual([]);
});

test("untrusted tools need a runtime that isolates, or nothing is deployed", async () => {
  expect(await findingsOf("", "sandbox: {}\n")).toMatchObject([
    { code: "AF959", severity: "error", path: at },
  ]);
  expect(await findingsOf(", runtimeClass: gvisor", "sandbox: {}\n")).toEqual([]);
  // Also one that only the overlay brings, or takes away.
  expect(await findingsOf(", overlay: {sandbox: {}}")).toMatchObject([{ code: "AF959" }]);
  expect(await findingsOf(", overlay: {sandbox: null}", "sandbox: {}\n")).toEqual([]);
});

test("what is found stops the target from being opened", async () => {
  const authored = parse(`${head}targets: {prod: {kind: kubernetes, scaling: {gpu: {min: 3, max: 2}}}}`);
  const error = await openTarget({ authored, target: "prod", variables: {} }).catch((one: unknown) => one);
  expect(AgentFlowError.is(error) ? error.code : error).toBe("invalid_project");
});

test("every setting has its origin, and a namespace its default", async () => {
  const more = "context: 'env://CTX', scaling: {gpu: {min: 2, max: 3}}, storage: {natsGb: 5}";
  const text = `targets: {prod: {kind: kubernetes, ${more}}}`;
  const opened = await openTarget({ authored: parse(head + text), target: "prod", variables: { CTX: "eu" } });
  expect(opened.settings).toMatchObject({
    kind: "kubernetes",
    context: "eu",
    namespace: "triage",
    workers: { default: 1, gpu: 2 },
    storage: { natsGb: 5 },
  });
  const origin = (pointer: string) => opened.settingOrigins.get(pointer)?.layer;
  expect([
    origin("/context"),
    origin("/namespace"),
    origin("/scaling/gpu/min"),
    origin("/storage/natsGb"),
  ]).toEqual(["environment", "default", "project", "project"]);
});
