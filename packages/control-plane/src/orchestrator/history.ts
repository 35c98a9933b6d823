import type { Log, Revision } from "@agentflow/bus";
import type { RunId, TenantId } from "@agentflow/protocol";
import { type ParsedCommit, parseCommit } from "./parse-commit.ts";
import { runSubject } from "./shard.ts";

export interface StoredCommit {
  readonly revision: Revision;
  readonly atMs: number;
  readonly bytes: number;
  readonly parsed: ParsedCommit;
}

/** A run's history from wherever it is kept. */
export interface Histories {
  /** Oldest first, strictly behind `after`; empty when there is none. */
  read(tenant: TenantId, run: RunId, options?: HistoryOptions): Promise<readonly StoredCommit[]>;
}

export interface HistoryOptions {
  readonly after?: Revision;
  /** At most about so many commits; all when left out. */
  readonly limit?: number;
}

const pageMax = 1_000;

/** A leader read of one run's subject, page by page. */
export async function readLog(log: Log, of: { tenant: TenantId; run: RunId }, options: HistoryOptions = {}) {
  const subject = runSubject(of.tenant, of.run);
  const commits: StoredCommit[] = [];
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  let after = options.after ?? 0;
  for (;;) {
    const page = await log.read(subject, { after, limit: pageMax });
    for (const { revision, body, atMs } of page) {
      commits.push({ revision, atMs, bytes: body.length, parsed: parseCommit(body) });
      after = revision;
    }
    if (page.length < pageMax || commits.length >= limit) return commits;
  }
}
