/** What `af scale` was told: in `.agentflow/scale.json`, until agentflow.yaml says otherwise. */
import { join } from "node:path";
import { readText, writeWhole } from "../config/private-file.ts";
import { type ScaleFile, parseScaleFile } from "./parse-scale.ts";

/** Copies by part (`control-plane`, `worker-<pool>`). */
export type Copies = Readonly<Record<string, number>>;

/** What still holds: a part's number falls with the number in agentflow.yaml that it replaced. */
export function readScale(dir: string, target: string, authored: Copies): Copies {
  const kept = fileOf(dir)[target] ?? {};
  const holding = Object.entries(kept).filter(([part, { instead }]) => authored[part] === instead);
  return Object.fromEntries(holding.map(([part, { copies }]) => [part, copies]));
}

/** A number that agentflow.yaml says itself needs no keeping. */
export function writeScale(
  dir: string,
  target: string,
  of: { readonly copies: Copies; readonly authored: Copies },
): void {
  const { copies, authored } = of;
  const entries = Object.entries(copies).flatMap(([part, count]) => {
    const instead = authored[part];
    return instead === undefined || instead === count ? [] : [[part, { copies: count, instead }] as const];
  });
  const all: ScaleFile = { ...fileOf(dir), [target]: Object.fromEntries(entries) };
  const kept = Object.fromEntries(Object.entries(all).filter(([, parts]) => Object.keys(parts).length > 0));
  writeWhole(pathOf(dir), `${JSON.stringify({ v: 1, targets: kept }, null, 2)}\n`);
}

function fileOf(dir: string): ScaleFile {
  return parseScaleFile(readText(pathOf(dir)) ?? "");
}

function pathOf(dir: string): string {
  return join(dir, ".agentflow/scale.json");
}
