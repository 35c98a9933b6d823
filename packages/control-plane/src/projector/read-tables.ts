/**
 * The tables of the read model. A change of any line needs a new `readModelVersion`: the file is then
 * rebuilt.
 */
export const readModelVersion = "2";

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
  status TEXT NOT NULL,
  startedAtMs INTEGER NOT NULL, endedAtMs INTEGER, revision INTEGER NOT NULL, labels TEXT, failure TEXT,
  unknown TEXT, archive TEXT, PRIMARY KEY (tenant, run)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_started ON runs (tenant, startedAtMs, run);
CREATE INDEX IF NOT EXISTS runs_status ON runs (tenant, status, startedAtMs, run);
CREATE INDEX IF NOT EXISTS runs_workflow ON runs (tenant, workflow, startedAtMs, run);
CREATE INDEX IF NOT EXISTS runs_live ON runs (tenant, run) WHERE endedAtMs IS NULL;
CREATE INDEX IF NOT EXISTS runs_ended ON runs (endedAtMs, tenant, run)
  WHERE endedAtMs IS NOT NULL AND archive IS NULL;
CREATE TABLE IF NOT EXISTS archives (archive TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (
  tenant TEXT NOT NULL, status TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (tenant, status)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS telemetry (
  seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, kind TEXT NOT NULL, atMs INTEGER NOT NULL,
  level INTEGER NOT NULL, source TEXT NOT NULL, run TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS telemetry_run ON telemetry (tenant, run, seq) WHERE run <> '';
`;
