import { hash } from "node:crypto";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Blobs } from "@agentflow/bus";
import { AgentFlowError, type RunId, type TenantId } from "@agentflow/protocol";
import { parseCommit } from "../orchestrator/parse-commit.ts";
import { type ArchivedRun, type ArchiveFile, parseArchive } from "./parse-archive.ts";
import { Projection } from "./project.ts";
import type { RunDelta } from "./read-rows.ts";

const filesInMemory = 4;
const keysPerList = 10_000;

export type ArchivedRuns = ReadonlyMap<RunId, ArchivedRun>;

/** Histories of ended runs in packed files, and the blobs that those histories name. */
export class ArchiveFiles {
  private readonly blobs: Blobs;
  private readonly files = new Map<string, ArchivedRuns>();

  constructor(blobs: Blobs) {
    this.blobs = blobs;
  }

  /** Durable when it resolves with the file's key; `limit_exceeded` (too_big) for more than one holds. */
  async write(tenant: TenantId, runs: readonly ArchivedRun[]): Promise<string> {
    const bytes = zstdCompressSync(textOf({ v: 1, kind: "archive", runs }));
    const key = `${tenant}/_archive/${hash("sha256", bytes)}`;
    await this.blobs.put(key, bytes);
    return key;
  }

  /** Undefined when there is no such file. */
  async find(key: string): Promise<ArchivedRuns | undefined> {
    const known = this.files.get(key);
    if (known !== undefined) return known;
    const bytes = await this.blobs.get(key);
    if (bytes === undefined) return undefined;
    const { runs } = parseArchive(zstdDecompressSync(bytes).toString());
    const file = new Map(runs.map((run) => [run.run, run]));
    this.files.set(key, file);
    for (const oldest of this.files.keys()) {
      if (this.files.size <= filesInMemory) break;
      this.files.delete(oldest);
    }
    return file;
  }

  async get(key: string): Promise<ArchivedRuns> {
    const file = await this.find(key);
    if (file !== undefined) return file;
    throw new AgentFlowError("not_found", `the archive ${key} is missing`, { reason: "archive_missing" });
  }

  /** The file alone; the blobs of its runs go before it. */
  async remove(key: string): Promise<void> {
    this.files.delete(key);
    await this.blobs.delete(key);
  }

  /** Inputs and outputs of a run that were too big for its events. */
  async removeBlobsOf(tenant: TenantId, run: RunId): Promise<void> {
    for (;;) {
      const keys = await this.blobs.list(`${tenant}/${run}/`);
      for (const key of keys) await this.blobs.delete(key);
      if (keys.length < keysPerList) return;
    }
  }
}

/** A text has its own longest length, which a run of many big outputs passes before it is compressed. */
function textOf(file: ArchiveFile): string {
  try {
    return JSON.stringify(file);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new AgentFlowError("limit_exceeded", "more than one archive can hold", {
      reason: "too_big",
      cause,
    });
  }
}

/** The read model's rows of archived runs, worked out from their histories as those of others are. */
export function rowsOf(tenant: TenantId, runs: ArchivedRuns): readonly RunDelta[] {
  const projection = new Projection();
  for (const { run, commits } of runs.values()) {
    for (const [revision, atMs, body] of commits) {
      const parsed = parseCommit(body);
      const of = { tenant, run, revision, atMs };
      if (parsed.ok) projection.add(of, parsed.commit);
      else projection.park(of, { code: "incompatible", message: parsed.message });
    }
  }
  return projection.take();
}
