import type { Kit } from "./kit.ts";

export function namesContract(_kit: Kit): void {}
