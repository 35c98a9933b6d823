/** Folds histories as they come, interleaved, and lets go of a run once it has ended. */
import { evolveCommit, fold, type RunState } from "@agentflow/core/run";
import { AgentFlowError, type RunId, type Subject, type TenantId } from "@agentflow/protocol";
import { parseCommit } from "../orchestrator/parse-commit.ts";
import type { ArchivedRun } from "../projector/parse-archive.ts";
import type { Finding, Findings } from "./findings.ts";

/** Of what is in the log; archives count for themselves. */
export interface LogCounts {
  readonly open: number;
  readonly ended: number;
  /** Their histories hold what this build does not know, or do not fit together. */
  readonly parked: number;
  readonly commits: number;
}

interface Standing {
  readonly state: RunState | "ended" | "parked";
  readonly revision: number;
}

type Of = { readonly tenant: TenantId; readonly run: RunId };
type Stored = { readonly revision: number; readonly body: string };

const absent: RunState = fold([]);

export class Histories {
  readonly #runs = new Map<Subject, Standing>();
  readonly #findings: Findings;
  #commits = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  add(subject: Subject, of: Of, stored: Stored): void {
    this.#commits++;
    const before = this.#runs.get(subject) ?? { state: absent, revision: 0 };
    const state = this.#next(before, of, stored);
    this.#runs.set(subject, { state, revision: stored.revision });
  }

  /** Folds a run that is whole in one place; false when nothing can be made of its history. */
  isReadable(tenant: TenantId, { run, commits }: ArchivedRun): boolean {
    let standing: Standing = { state: absent, revision: 0 };
    for (const [revision, , body] of commits) {
      standing = { state: this.#next(standing, { tenant, run }, { revision, body }), revision };
    }
    const { state, revision } = standing;
    if (state === "ended" || state === "parked") return state === "ended";
    this.#findings.add({ ...broken, tenant, run, revision, message: "an archived run that has not ended" });
    return false;
  }

  get counts(): LogCounts {
    let [open, ended, parked] = [0, 0, 0];
    for (const { state } of this.#runs.values()) {
      if (state === "ended") ended++;
      else if (state === "parked") parked++;
      else open++;
    }
    return { open, ended, parked, commits: this.#commits };
  }

  #next({ state, revision: last }: Standing, of: Of, { revision, body }: Stored): Standing["state"] {
    const found = (what: Pick<Finding, "code" | "severity">, message: string): "parked" => {
      this.#findings.add({ ...what, ...of, revision, message });
      return "parked";
    };
    if (revision <= last) return found(broken, `its revision is not above ${last}`);
    // One finding a run: what follows the first fault is not read by anybody.
    if (state === "parked") return state;
    const parsed = parseCommit(body);
    if (!parsed.ok) return found(newer, parsed.message);
    const { commit } = parsed;
    if (state === "ended") {
      return commit.events.length === 0 ? state : found(broken, "something happened after the run's end");
    }
    try {
      const next = evolveCommit(state, commit);
      if (next.kind === "absent") return found(broken, "the history does not begin with a start");
      return next.kind === "ended" ? "ended" : next;
    } catch (error) {
      return found(broken, AgentFlowError.from(error, "reading the history").message);
    }
  }
}

const broken = { code: "history_broken", severity: "error" } as const;
/** Parked where it came from, and parked again where it is restored: nothing was lost on the way. */
const newer = { code: "history_newer", severity: "warning" } as const;
