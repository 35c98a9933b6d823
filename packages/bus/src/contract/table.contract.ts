import type { Kit } from "./kit.ts";

export function tableContract(_kit: Kit): void {}
