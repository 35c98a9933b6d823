/**
 * The tables of the read model. A change of any line needs a new `readModelVersion`: the file is then
 * rebuilt.
 */
export const readModelVersion = "4";

export const pragmas = [
  "PRAGMA journal_mode = WAL",
  // Rebuilt from the log when lost, so nothing waits for the disk.
  "PRAGMA synchronous = OFF",
  "PRAGMA cache_size = -4096",
  "PRAGMA temp_store = MEMORY",
  "PRAGMA wal_autocheckpoint = 1000",
  "PRAGMA journal_size_limit = 8388608",
].join(";");

export const tables = `
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
  tenant TEXT NOT NULL, run TEXT NOT NULL, workflow TEXT NOT NULL, version TEXT NOT NULL,
  build TEXT, status TEXT NOT NULL,
  startedAtMs INTEGER NOT NULL, endedAtMs INTEGER, revision INTEGER NOT NULL, labels TEXT, failure TEXT,
  unknown TEXT, archive TEXT, PRIMARY KEY (tenant, run)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_started ON runs (tenant, startedAtMs, run);
CREATE INDEX IF NOT EXISTS runs_status ON runs (tenant, status, startedAtMs, run);
CREATE INDEX IF NOT EXISTS runs_workflow ON runs (tenant, workflow, startedAtMs, run);
CREATE INDEX IF NOT EXISTS runs_live ON runs (tenant, run) WHERE endedAtMs IS NULL;
CREATE INDEX IF NOT EXISTS runs_builds ON runs (tenant, build, startedAtMs, run) WHERE endedAtMs IS NULL;
CREATE INDEX IF NOT EXISTS runs_ended ON runs (endedAtMs, tenant, run)
  WHERE endedAtMs IS NOT NULL AND archive IS NULL;
CREATE TABLE IF NOT EXISTS archives (archive TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (
  tenant TEXT NOT NULL, status TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (tenant, status)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS approvals (
  tenant TEXT NOT NULL, run TEXT NOT NULL, n INTEGER NOT NULL, step TEXT NOT NULL, call TEXT,
  status TEXT NOT NULL, shown TEXT NOT NULL, hash TEXT NOT NULL, requestedAtMs INTEGER NOT NULL,
  expiresAtMs INTEGER NOT NULL, decidedAtMs INTEGER, by TEXT, comment TEXT, PRIMARY KEY (tenant, run, n)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS approvals_newest ON approvals (tenant, requestedAtMs, run, n);
CREATE INDEX IF NOT EXISTS approvals_open ON approvals (tenant, requestedAtMs, run, n) WHERE status = 'open';
CREATE TABLE IF NOT EXISTS usage (
  tenant TEXT NOT NULL, run TEXT NOT NULL, step TEXT NOT NULL, agent TEXT NOT NULL, atMs INTEGER NOT NULL,
  inputTokens INTEGER NOT NULL DEFAULT 0, outputTokens INTEGER NOT NULL DEFAULT 0,
  cacheReadTokens INTEGER NOT NULL DEFAULT 0, cacheWriteTokens INTEGER NOT NULL DEFAULT 0,
  reasoningTokens INTEGER NOT NULL DEFAULT 0, modelCalls INTEGER NOT NULL DEFAULT 0,
  toolCalls INTEGER NOT NULL DEFAULT 0, nanoUsd INTEGER NOT NULL DEFAULT 0,
  unpriced INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, run, step)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS models (
  tenant TEXT NOT NULL, run TEXT NOT NULL, step TEXT NOT NULL, n INTEGER NOT NULL, model TEXT NOT NULL,
  atMs INTEGER NOT NULL, inputTokens INTEGER NOT NULL, outputTokens INTEGER NOT NULL,
  cacheReadTokens INTEGER NOT NULL, cacheWriteTokens INTEGER NOT NULL, reasoningTokens INTEGER NOT NULL,
  modelCalls INTEGER NOT NULL, toolCalls INTEGER NOT NULL, nanoUsd INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  PRIMARY KEY (tenant, run, step, n)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS models_at ON models (tenant, atMs);
CREATE INDEX IF NOT EXISTS usage_at ON usage (tenant, atMs);
CREATE TABLE IF NOT EXISTS telemetry (
  seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, kind TEXT NOT NULL, atMs INTEGER NOT NULL,
  level INTEGER NOT NULL, source TEXT NOT NULL, run TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS telemetry_run ON telemetry (tenant, run, seq) WHERE run <> '';
`;
