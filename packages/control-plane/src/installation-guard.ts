/** Keeps a control plane from going on over another installation's data, or none, as if nothing had been. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Table } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import { AgentFlowError } from "@agentflow/protocol";
import { findMark } from "./backup/mark.ts";
import { type Installation, installationIn, installationKey, parseInstallation } from "./installation-id.ts";

export interface GuardParts {
  readonly table: Table;
  /** Logs of the installation when this control plane opened the bus. */
  readonly lanes: number;
  readonly world: Pick<World, "random" | "clock">;
  readonly say: Log;
  /** Where the installation that is served here is remembered; without it nothing is. */
  readonly file: string | undefined;
}

/**
 * Which installation this control plane serves: that of its file, else that which it finds on the bus first.
 * While the bus holds another one, or none, `check` rejects (`unavailable`, reason `installation_lost`) and
 * nothing is served; it goes on by itself once the data is back. An operator who wants to begin anew removes
 * the file.
 */
export class InstallationGuard {
  /** Why nothing is served; undefined while all is well. */
  trouble: AgentFlowError | undefined;
  /**
   * Nothing is remembered, or it was restored since: what was read before may have been another's, or has
   * another place now.
   */
  isNew = false;
  private readonly parts: GuardParts;
  private readonly listeners = new Set<() => void>();
  private own: Installation | undefined;

  constructor(parts: GuardParts) {
    this.parts = parts;
  }

  /** Never rejects for an installation that is lost: that is `trouble`. */
  async open(): Promise<void> {
    const { file, table, world } = this.parts;
    if (file === undefined) return;
    this.own = remembered(file);
    if (this.own !== undefined) {
      return this.check().catch((error: unknown) => {
        if (this.trouble === undefined) throw error;
      });
    }
    this.own = await installationIn(table, world);
    this.isNew = true;
  }

  /** Once nothing is left here of what was read before: who dies earlier begins anew. */
  keep(): void {
    const { file } = this.parts;
    if (file === undefined || this.own === undefined || !this.isNew) return;
    remember(file, this.own);
    this.isNew = false;
  }

  /** Asked at each sign of life, and before anything is concluded from a log that is shorter than before. */
  async check(): Promise<void> {
    if (this.own === undefined) return;
    const found = await this.look();
    if (found?.id !== this.own.id || this.hasOtherLogs(found)) throw this.isLost(found);
    if (found.restored !== this.own.restored) this.isRestored(found);
    if (this.trouble === undefined) return;
    // Its row is there before all others are: what is restored is not back before its mark is gone.
    if ((await findMark(this.parts.table)) !== undefined) throw this.trouble;
    this.isBack();
  }

  /** Called each time that it was found to be lost, or to have been restored. */
  onOther(fn: () => void): void {
    this.listeners.add(fn);
  }

  /** A read may lag; a write that expects no row may not, and deleting what is not there changes nothing. */
  private async look(): Promise<Installation | undefined> {
    const { table } = this.parts;
    const near = await table.get(installationKey).catch(() => undefined);
    const known = near === undefined ? undefined : parseInstallation(near.value);
    if (known?.id === this.own?.id) return known;
    try {
      const asked = await table.delete(installationKey, { expect: 0 });
      return asked.ok || asked.row === undefined ? undefined : parseInstallation(asked.row.value);
    } catch (error) {
      if (AgentFlowError.is(error) && error.reason === "not_set_up") return undefined;
      throw error;
    }
  }

  private hasOtherLogs({ logs }: Installation): boolean {
    return logs !== undefined && logs !== this.parts.lanes;
  }

  private isLost(of: Installation | undefined): AgentFlowError {
    const isNews = this.trouble === undefined;
    const { file = "", lanes } = this.parts;
    const found = of?.id;
    const isOurs = of !== undefined && found === this.own?.id;
    const trouble = isOurs ? otherLogs(of, lanes) : lost({ ours: this.own?.id ?? "", found, file });
    this.trouble = trouble;
    if (!isNews) return trouble;
    this.parts.say.error("the bus does not hold the installation that is served here: nothing is served", {
      error: trouble,
      installation: this.own?.id,
      found: found ?? "none",
    });
    for (const fn of this.listeners) fn();
    return trouble;
  }

  private isRestored(found: Installation): void {
    this.own = found;
    this.isNew = true;
    this.parts.say.warn("the installation was restored: all of it is read anew", { installation: found.id });
    for (const fn of this.listeners) fn();
  }

  private isBack(): void {
    this.trouble = undefined;
    this.parts.say.info("the installation is back: going on", { installation: this.own?.id });
  }
}

function otherLogs({ logs = 0 }: Installation, opened: number): AgentFlowError {
  const message = `the installation was restored into ${logs} logs; this control plane knows of ${opened}`;
  return new AgentFlowError("unavailable", message, {
    reason: "other_logs",
    details: { logs, opened, retryAfterMs: 1_000 },
    suggestions: ["start this control plane again"],
  });
}

function lost(of: { ours: string; found: string | undefined; file: string }): AgentFlowError {
  const { ours, found, file } = of;
  const there = found === undefined ? "no installation at all" : `another one (${found})`;
  return new AgentFlowError(
    "unavailable",
    `the bus holds ${there} instead of installation ${ours}, whose runs were accepted here`,
    {
      reason: "installation_lost",
      details: { installation: ours, found: found ?? null, retryAfterMs: 1_000 },
      suggestions: [
        "start the NATS server on the folder with its data, or restore a backup: work goes on by itself",
        `to give up those runs and begin anew: stop the control planes, remove ${file}, start them`,
      ],
    },
  );
}

function remembered(file: string): Installation | undefined {
  try {
    return parseInstallation(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw AgentFlowError.from(error, `reading ${file}`);
  }
}

/** Whole or not at all: what a kill cuts short must not be read as another installation. */
function remember(file: string, own: Installation): void {
  writeFileSync(`${file}.new`, `${JSON.stringify({ v: 1, ...own })}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}
