import { existsSync, readFileSync } from "node:fs";
import { payStep } from "./project.ts";

/** True once the payment of this run has left its line. */
export function wasPaid(ledger: string, run: string): boolean {
  if (!existsSync(ledger)) return false;
  return readFileSync(ledger, "utf8").includes(`{"run":"${run}","step":"s${payStep}"`);
}
