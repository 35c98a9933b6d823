/**
 * One suite for every adapter: what the ports promise, as tests. Call it from a test file of the adapter;
 * it needs vitest, so nothing that ships imports it.
 */
import { describe } from "vitest";
import { blobsContract } from "./blobs.contract.ts";
import { faultsContract } from "./faults.contract.ts";
import { suiteKit } from "./kit.ts";
import { logContract } from "./log.contract.ts";
import type { BusMaker } from "./maker.ts";
import { namesContract } from "./names.contract.ts";
import { queueContract } from "./queue.contract.ts";
import { resumeContract } from "./resume.contract.ts";
import { restartContract } from "./restart.contract.ts";
import { tableContract } from "./table.contract.ts";
import { tailContract } from "./tail.contract.ts";
import { wireContract } from "./wire.contract.ts";

export type { BusMaker, Capabilities, ContractTime, Faults, Opened, OpenOptions } from "./maker.ts";
export { fastWorld, realWorld, type TestWorld } from "./world.ts";

/** Declares the whole suite under `name`; with `skip`, why this machine cannot run it. */
export function busContract(name: string, make: BusMaker, skip?: string): void {
  describe.skipIf(skip !== undefined)(skip === undefined ? name : `${name}: ${skip}`, () => {
    const kit = suiteKit(make);
    logContract(kit);
    tailContract(kit);
    queueContract(kit);
    resumeContract(kit);
    tableContract(kit);
    blobsContract(kit);
    wireContract(kit);
    namesContract(kit);
    faultsContract(kit);
    restartContract(kit);
  });
}
