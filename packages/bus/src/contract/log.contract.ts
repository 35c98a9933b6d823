import type { Kit } from "./kit.ts";

export function logContract(_kit: Kit): void {}
