/**
 * A consistent copy of an installation while it runs, over the ports. The order is the point; see the ADR:
 * which archives are settled, then the log up to where it is now, each record behind the blobs it names,
 * and last the rows.
 */
import type { Bus } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import { instant, prefixes } from "@agentflow/protocol";
import { installationOf } from "../installation-id.ts";
import { ArchiveFiles } from "../projector/archive-files.ts";
import { catchUp, copyRows, settledArchives } from "./copy-rows.ts";
import { NamedBlobs } from "./named-blobs.ts";
import { namedByEntry } from "./names.ts";
import { endOf, readUpTo } from "./read-up-to.ts";
import type { BackupContent, BackupHead } from "./records.ts";

export interface CopyOptions {
  readonly bus: Bus;
  readonly world: World;
  /** The release that makes it. */
  readonly program: string;
  readonly node: string;
  readonly telemetry: boolean;
  /** Gives it up. */
  readonly signal: AbortSignal;
}

export async function* copyInstallation(
  options: CopyOptions,
): AsyncGenerator<BackupHead | BackupContent, void> {
  const { bus, world, program, node, telemetry, signal } = options;
  const at = instant(world.clock.now());
  const installation = await installationOf(bus.table, world);
  yield { v: 1, kind: "backup", at, installation, program, node, bus: bus.kind, telemetry };
  const settled = await settledArchives(bus.table);
  const streams = [prefixes.log, prefixes.dead, prefixes.audit, ...(telemetry ? [prefixes.tele] : [])];
  const bounds = await Promise.all(
    streams.map(async (prefix) => ({ prefix, upTo: await endOf(bus.log, prefix) })),
  );
  const named = new NamedBlobs(bus.blobs);
  for (const bound of bounds) {
    for await (const entries of readUpTo(bus.log, { ...bound, timers: world.timers, signal })) {
      for (const { subject, revision, atMs, body } of entries) {
        yield* named.give(namedByEntry({ subject, body }), subject);
        yield { kind: "entry", subject, revision, atMs, body };
      }
    }
  }
  await catchUp(bus.table, { at, timers: world.timers, signal });
  yield* copyRows({ table: bus.table, files: new ArchiveFiles(bus.blobs), named, settled, at });
}
