import type { Kit } from "./kit.ts";

export function restartContract(_kit: Kit): void {}
