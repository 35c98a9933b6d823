/** The deploys that there were: a Secret each, with all objects; the last ten are kept. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import { gunzipSync, gzipSync } from "node:zlib";
import { kubernetesLabels } from "../labels.ts";
import { releaseNames } from "../release.ts";
import type { Access } from "./access.ts";
import { parseRevisionBody, type RevisionBody } from "./parse-objects.ts";
import { labelsOf, nameOf, objectAt, textAt, textsAt } from "./reading.ts";

export type Outcome = "applying" | "deployed" | "failed";

export interface Revision {
  readonly number: number;
  readonly outcome: Outcome;
  readonly build: string;
  /** Of `af`. */
  readonly version: string;
  readonly at: string;
  readonly by: string;
  readonly reason?: string;
  /** Went back to that revision. */
  readonly rollbackTo?: number;
}

export const revisionsKept = 10;

const kind = { apiVersion: "v1", kind: "Secret" } as const;
const labelOfRevision = "agentflow.dev/revision";
const note = (name: string): string => `agentflow.dev/${name}`;
/** Beyond it nobody has deployed: it was written to leave no room for the next. */
const numberMax = 1_000_000_000;
const bytesMax = 900 * 1_024;
/** Whoever may write Secrets may have packed it: a megabyte can hold a thousand. */
const unpackedBytesMax = 32 * 1_024 * 1_024;

/** Oldest first. */
export async function listRevisions(access: Access, release: string): Promise<readonly Revision[]> {
  const labelSelector = `${labelOfRevision},${kubernetesLabels.instance}=${release}`;
  const found = await access.list(kind, { labelSelector });
  // One that is called otherwise is somebody else's: its number would be counted on from.
  const own = found.filter((one) => nameOf(one) === releaseNames.revision(release, numberOf(one)));
  return own.flatMap(read).sort((a, b) => a.number - b.number);
}

/** What it applied. Refuses with `not_found`, naming those that there are. */
export async function readRevision(
  access: Access,
  of: { readonly release: string; readonly number: number },
): Promise<RevisionBody> {
  const body = await bodyOf(access, of);
  if (body !== undefined) return body;
  const known = (await listRevisions(access, of.release)).map(({ number }) => number);
  throw new AgentFlowError("not_found", `there is no revision ${of.number} of ${of.release}`, {
    reason: "revision_unknown",
    details: { revisions: known },
    suggestions: [
      known.length === 0 ? "nothing was deployed yet: af deploy" : `there are: ${known.join(", ")}`,
    ],
  });
}

async function bodyOf(
  access: Access,
  of: { readonly release: string; readonly number: number },
): Promise<RevisionBody | undefined> {
  const found = await access.get({ ...kind, name: releaseNames.revision(of.release, of.number) });
  const text = textAt(found, "data", "release");
  return text === "" ? undefined : unpacked(text);
}

export interface NewRevision extends Omit<Revision, "number" | "outcome"> {
  readonly release: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly number: number;
  readonly objects: readonly JsonObject[];
}

/** As `applying`. Refuses with `already_exists` when that number is taken. */
export async function writeRevision(access: Access, revision: NewRevision): Promise<void> {
  const { release, labels, number, objects, build, version, at, by, reason, rollbackTo } = revision;
  const body: RevisionBody = { build, version, objects };
  const packed = gzipSync(JSON.stringify(body)).toString("base64");
  if (packed.length > bytesMax) throw tooLarge(packed.length);
  const secret: JsonObject = {
    ...kind,
    type: "agentflow.dev/revision",
    metadata: {
      name: releaseNames.revision(release, number),
      labels: { ...labels, [labelOfRevision]: String(number), [kubernetesLabels.instance]: release },
      annotations: {
        [note("outcome")]: "applying",
        [note("build")]: build,
        [note("version")]: version,
        [note("at")]: at,
        [note("by")]: by,
        ...(reason === undefined ? {} : { [note("reason")]: reason }),
        ...(rollbackTo === undefined ? {} : { [note("rollback-to")]: String(rollbackTo) }),
      },
    },
    data: { release: packed },
  };
  try {
    await access.create(secret);
  } catch (error) {
    // Ours already, where the answer to the first try was lost.
    if (!AgentFlowError.is(error) || error.code !== "already_exists") throw error;
    const found = await access.get({ ...kind, name: releaseNames.revision(release, number) });
    const { [note("at")]: madeAt, [note("by")]: madeBy } = textsAt(found, "metadata", "annotations");
    if (madeAt !== at || madeBy !== by || textAt(found, "data", "release") !== packed) throw error;
  }
}

/** What ran last, by the newest deploy that went well: undefined before the first, `unknown` when damaged. */
export async function lastObjects(
  access: Access,
  of: { readonly release: string; readonly revisions: readonly Revision[] },
): Promise<readonly JsonObject[] | "unknown" | undefined> {
  const good = of.revisions.findLast(({ outcome }) => outcome === "deployed");
  if (good === undefined) return undefined;
  return (await bodyOf(access, { release: of.release, number: good.number }))?.objects ?? "unknown";
}

/** Whether the newest deploy was to do the same and died: it is gone on with, as the same one. */
export async function isSameUnfinished(
  access: Access,
  of: {
    readonly release: string;
    readonly last: Revision | undefined;
    readonly objects: readonly JsonObject[];
    readonly rollbackTo: number | undefined;
  },
): Promise<boolean> {
  const { release, last, objects, rollbackTo } = of;
  if (last?.outcome !== "applying" || last.rollbackTo !== rollbackTo) return false;
  const body = await bodyOf(access, { release, number: last.number });
  return body !== undefined && JSON.stringify(body.objects) === JSON.stringify(objects);
}

export async function settleRevision(
  access: Access,
  of: { readonly release: string; readonly number: number; readonly outcome: Outcome },
): Promise<void> {
  for (let round = 1; ; round++) {
    const found = await access.get({ ...kind, name: releaseNames.revision(of.release, of.number) });
    if (found === undefined) return;
    const before = textsAt(found, "metadata", "annotations");
    if (before[note("outcome")] === of.outcome) return;
    const annotations = { ...before, [note("outcome")]: of.outcome };
    try {
      await access.replace({ ...found, ...kind, metadata: { ...objectAt(found, "metadata"), annotations } });
      return;
    } catch (error) {
      // Somebody put a label on it, or it was written and the answer was lost.
      if (round === settleRounds || !AgentFlowError.is(error) || error.code !== "conflict") throw error;
    }
  }
}

const settleRounds = 5;

/** Numbers of those beyond the ten newest; the newest that was deployed well is never among them. */
export function oldRevisions(revisions: readonly Revision[], keep = revisionsKept): readonly number[] {
  const good = revisions.findLast(({ outcome }) => outcome === "deployed");
  return revisions
    .slice(0, Math.max(0, revisions.length - keep))
    .filter(({ number }) => number !== good?.number)
    .map(({ number }) => number);
}

export async function removeRevisions(
  access: Access,
  of: { readonly release: string; readonly numbers: readonly number[] },
): Promise<void> {
  for (const number of of.numbers) {
    await access.remove({ ...kind, name: releaseNames.revision(of.release, number) });
  }
}

function read(secret: JsonObject): readonly Revision[] {
  const notes = textsAt(secret, "metadata", "annotations");
  const number = numberOf(secret);
  if (!Number.isSafeInteger(number) || number < 1 || number > numberMax) return [];
  const outcome = notes[note("outcome")];
  const { [note("reason")]: reason, [note("rollback-to")]: back } = notes;
  return [
    {
      number,
      outcome: outcome === "deployed" || outcome === "failed" ? outcome : "applying",
      build: notes[note("build")] ?? "",
      version: notes[note("version")] ?? "",
      at: notes[note("at")] ?? "",
      by: notes[note("by")] ?? "",
      ...(reason === undefined ? {} : { reason }),
      ...(back === undefined || !/^\d{1,9}$/.test(back) ? {} : { rollbackTo: Number(back) }),
    },
  ];
}

function numberOf(secret: JsonObject): number {
  return Number(labelsOf(secret)[labelOfRevision]);
}

function unpacked(base64: string): RevisionBody | undefined {
  try {
    const packed = Buffer.from(base64, "base64");
    return parseRevisionBody(gunzipSync(packed, { maxOutputLength: unpackedBytesMax }).toString("utf8"));
  } catch {
    return undefined;
  }
}

function tooLarge(bytes: number): AgentFlowError {
  return new AgentFlowError("refused", `this deploy is too large to be remembered: ${bytes} bytes`, {
    reason: "revision_too_large",
    suggestions: ["a cluster keeps 1 MiB in one object: fewer pools, or smaller configuration files"],
  });
}
