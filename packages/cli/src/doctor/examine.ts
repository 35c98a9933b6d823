/** Everything `af doctor` looks at, all at once. It changes nothing but a test file that it removes. */
import { binaryCheck } from "./binary.ts";
import { busFindings } from "./bus.ts";
import type { Check, Examined } from "./check.ts";
import { contextChecks } from "./context.ts";
import { diskChecks } from "./disk.ts";
import { dockerChecks } from "./docker.ts";
import { installationChecks } from "./installation.ts";
import { clusterChecks } from "./kubernetes.ts";
import { nodeCheck } from "./node-version.ts";
import { portCheck } from "./ports.ts";
import { projectChecks } from "./project.ts";
import { secretChecks } from "./secrets.ts";

/** A look that fails is itself a finding: one broken check hides no other. */
export async function examine(of: Examined): Promise<Check[]> {
  const looks: readonly (readonly [string, () => Check[] | Promise<Check[]>])[] = [
    ["node", () => [nodeCheck()]],
    ["af", () => [binaryCheck(of.environment)]],
    ["port", () => [portCheck(of)]],
    ["disk", () => diskChecks(of)],
    ["installation", () => installationChecks(of)],
    ["context", () => contextChecks(of)],
    ["bus", () => busFindings(of)],
    ["project", () => projectChecks(of)],
    ["secrets", () => secretChecks(of)],
    ["engine", () => dockerChecks(of)],
    ["cluster", () => clusterChecks(of)],
  ];
  const all = await Promise.all(looks.map(([name, look]) => guarded(name, look)));
  return all.flat();
}

async function guarded(name: string, look: () => Check[] | Promise<Check[]>): Promise<Check[]> {
  try {
    return await look();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [{ name, state: "note", fact: `could not be looked at: ${why}` }];
  }
}
