import type { Kit } from "./kit.ts";

export function faultsContract(_kit: Kit): void {}
