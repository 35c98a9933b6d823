import { existsSync } from "node:fs";
import { join } from "node:path";
import { isAlive, readDevFile } from "../config/installation.ts";
import type { Check, Examined } from "./check.ts";

/** What runs here, and whether its state can be read by this version. */
export async function installationChecks({ project }: Examined): Promise<Check[]> {
  if (project === undefined) return [];
  return [devCheck(project), ...(await stateChecks(project))];
}

function devCheck(project: string): Check {
  const running = readDevFile(project);
  if (running === undefined)
    return { name: "af dev", state: "note", fact: "is not running here", fix: "af dev" };
  if (isAlive(running.pid)) {
    return {
      name: "af dev",
      state: "good",
      fact: `runs at ${running.url} (process ${running.pid}, owner of the state)`,
    };
  }
  const fact = `ended without saying so (process ${running.pid} is gone); its runs go on at the next start`;
  return { name: "af dev", state: "note", fact, fix: "af dev" };
}

/** Read without a lock and without waiting: a running owner is not disturbed. */
async function stateChecks(project: string): Promise<Check[]> {
  const file = join(project, ".agentflow/state/log.db");
  if (!existsSync(file)) {
    const isOnNats = existsSync(join(project, ".agentflow/nats"));
    const fact = isOnNats
      ? "on NATS, in .agentflow/nats: af dev --bus nats"
      : "empty: nothing has run here yet";
    return [{ name: "state", state: "good", fact }];
  }
  const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(file, { readOnly: true, timeout: 200 });
  try {
    const format = Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
    const writer = db.prepare("SELECT value FROM meta WHERE key = 'written_by'").get()?.["value"];
    const fact = `format ${format}${typeof writer === "string" ? `, written by ${writer}` : ""}`;
    if (format <= newestFormat) return [{ name: "state", state: "good", fact }];
    const fix = "use the newer af, or af dev --fresh (forgets all runs)";
    return [
      { name: "state", state: "bad", fact: `${fact}: newer than this af can read (${newestFormat})`, fix },
    ];
  } finally {
    db.close();
  }
}

/** The newest format of the log that this version reads. */
const newestFormat = 1;
