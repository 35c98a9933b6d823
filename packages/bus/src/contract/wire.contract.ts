import type { Kit } from "./kit.ts";

export function wireContract(_kit: Kit): void {}
