import type { Kit } from "./kit.ts";

export function resumeContract(_kit: Kit): void {}
