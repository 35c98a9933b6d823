/** Back to an earlier deploy: its objects once more, as a deploy of their own. */
import { AgentFlowError, parseId } from "@agentflow/protocol";
import type { Release } from "../release.ts";
import type { Access } from "./access.ts";
import { checkKept } from "./kept.ts";
import { parseKubernetesObject } from "./parse-objects.ts";
import { listRevisions, readRevision, type Revision } from "./revisions.ts";

export interface RollbackTo {
  readonly revision: Revision;
  readonly release: Release;
}

export interface Going {
  readonly access: Access;
  readonly name: string;
  readonly project: string;
  readonly target: string;
  /** The last one before the present that was deployed well, when left out. */
  readonly number?: number;
}

/** Refuses with `not_found`, naming the revisions that there are. */
export async function rollbackTarget(going: Going): Promise<RollbackTo> {
  const { access, name, project, target } = going;
  const revisions = await listRevisions(access, name);
  const number = going.number ?? before(revisions)?.number;
  if (number === undefined) throw nothingBefore(revisions);
  const body = await readRevision(access, { release: name, number });
  const revision = revisions.find((one) => one.number === number);
  if (revision === undefined) throw nothingBefore(revisions);
  const { namespace } = access;
  checkKept(body.objects, { release: name, namespace, owner: { project, target }, number });
  return {
    revision,
    release: {
      project,
      target,
      name,
      namespace: access.namespace,
      build: parseId("build", body.build),
      version: body.version,
      objects: body.objects.map(parseKubernetesObject),
      notes: [],
    },
  };
}

function before(revisions: readonly Revision[]): Revision | undefined {
  return revisions.slice(0, -1).findLast(({ outcome }) => outcome === "deployed");
}

function nothingBefore(revisions: readonly Revision[]): AgentFlowError {
  const numbers = revisions.map(({ number, outcome }) => `${number} (${outcome})`);
  return new AgentFlowError("not_found", "there is no earlier deploy that went well", {
    reason: "revision_unknown",
    details: { revisions: revisions.map(({ number }) => number) },
    suggestions: [
      numbers.length === 0 ? "nothing was deployed yet: af deploy" : `there are: ${numbers.join(", ")}`,
    ],
  });
}
