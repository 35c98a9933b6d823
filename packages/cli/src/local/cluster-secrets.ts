/**
 * What `af bus prepare` makes, kept as Secrets of the cluster in whose pod it runs. It speaks to the API
 * server with the token of its pod and nothing else; a client of clusters would take a second to load.
 */
import { AgentFlowError } from "@agentflow/protocol";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { clusterCaller, type ClusterOfPod } from "./cluster-caller.ts";
import { parseSecret, type SecretFound } from "./parse-secret.ts";
import { type PreparedFile, type PrepareOptions, prepareParts } from "./prepare-parts.ts";

export { clusterOfPod } from "./cluster-caller.ts";

export interface SecretsOptions {
  /** Begins the names: `<release>-keys-<part>`. */
  readonly release: string;
  /** On those that are made, besides our own. */
  readonly labels: Readonly<Record<string, string>>;
  readonly api: ClusterOfPod;
}

const parts = ["control-plane", "nats", "worker", "register"] as const;
type PartOfKeys = (typeof parts)[number];

/** Two at a time, each a little: whoever comes second takes what the first one made. */
const roundsMax = 20;

/** What is there is kept and completed. Two that run at the same time agree in the end. */
export async function prepareSecrets(
  options: PrepareOptions,
  of: SecretsOptions,
): Promise<readonly PreparedFile[]> {
  const states = new Map<string, PreparedFile["state"]>();
  for (let round = 0; round < roundsMax; round++) {
    const before = await readAll(of);
    const after = await prepared(options, before);
    const differing = parts.filter((part) => differs(before.get(part), after.get(part)));
    for (const part of parts) {
      for (const [name, value] of after.get(part) ?? [])
        note(states, `${part}/${name}`, { value, part, before });
    }
    if (differing.length === 0) return [...states].map(([file, state]) => ({ file, state }));
    // One after the other, and none once it lost a race: then all of them are looked at again.
    for (const part of differing) {
      if (!(await write(of, { part, before: before.get(part), files: after.get(part) ?? new Map() }))) break;
    }
  }
  throw new AgentFlowError("conflict", `the Secrets of ${of.release} kept changing`, {
    reason: "changed_meanwhile",
    details: { rounds: roundsMax },
    suggestions: ["run it again once the other one has ended"],
  });
}

type Files = ReadonlyMap<string, string>;
type Before = ReadonlyMap<PartOfKeys, SecretFound | undefined>;

interface Noted {
  readonly value: string;
  readonly part: PartOfKeys;
  readonly before: Before;
}

function note(
  states: Map<string, PreparedFile["state"]>,
  file: string,
  { value, part, before }: Noted,
): void {
  const known = before.get(part)?.files.get(file.slice(part.length + 1));
  const state = known === undefined ? "made" : known === value ? "kept" : "changed";
  // What this run made it finds at its last look.
  if (!states.has(file) || state !== "kept") states.set(file, state);
}

async function readAll({ api, release }: SecretsOptions): Promise<Before> {
  const call = clusterCaller(api);
  const found = new Map<PartOfKeys, SecretFound | undefined>();
  for (const part of parts) {
    const name = `${release}-keys-${part}`;
    const { status, body } = await call("GET", `secrets/${name}`, { accept: [200, 404] });
    found.set(part, status === 404 ? undefined : parseSecret(body, name));
  }
  return found;
}

/** The same as in a folder: what the Secrets hold is laid there, completed, and taken out again. */
async function prepared(options: PrepareOptions, before: Before): Promise<Map<PartOfKeys, Files>> {
  const { folder } = options;
  rmSync(folder, { recursive: true, force: true });
  try {
    for (const part of parts) {
      mkdirSync(path.join(folder, part), { recursive: true, mode: 0o700 });
      for (const [name, content] of before.get(part)?.files ?? []) {
        writeFileSync(path.join(folder, part, name), content, { mode: 0o600 });
      }
    }
    await prepareParts(options);
    return new Map(parts.map((part) => [part, filesIn(path.join(folder, part))]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function filesIn(folder: string): Files {
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  return new Map(names.map((name) => [name, textOf(name, readFileSync(path.join(folder, name), "utf8"))]));
}

/** A token goes into headers as it stands in the Secret, also by those who do not trim it. */
function textOf(name: string, text: string): string {
  return name === "token" ? text.trim() : text;
}

function differs(before: SecretFound | undefined, after: Files = new Map()): boolean {
  if (before === undefined) return after.size > 0;
  return [...after].some(([name, text]) => before.files.get(name) !== text);
}

interface Writing {
  readonly part: PartOfKeys;
  readonly before: SecretFound | undefined;
  readonly files: Files;
}

/** False when somebody else was faster. */
async function write(
  { api, release, labels }: SecretsOptions,
  { part, before, files }: Writing,
): Promise<boolean> {
  const call = clusterCaller(api);
  const name = `${release}-keys-${part}`;
  const data = Object.fromEntries(
    [...files].map(([file, text]) => [file, Buffer.from(text).toString("base64")]),
  );
  if (before !== undefined) {
    // At the version that was read; keys that are not ours stay.
    const body = { ...before.object, data: { ...before.data, ...data } };
    const { status } = await call("PUT", `secrets/${name}`, { body, accept: [200, 404, 409] });
    return status === 200;
  }
  const body = {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: {
      name,
      labels: {
        "app.kubernetes.io/managed-by": "agentflow",
        "app.kubernetes.io/name": "agentflow",
        "app.kubernetes.io/instance": release,
        "agentflow.dev/holds": "keys",
        ...labels,
      },
    },
    data,
  };
  const { status } = await call("POST", "secrets", { body, accept: [201, 409] });
  return status === 201;
}
