import type { Kit } from "./kit.ts";

export function queueContract(_kit: Kit): void {}
