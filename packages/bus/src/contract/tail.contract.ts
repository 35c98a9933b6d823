import type { Kit } from "./kit.ts";

export function tailContract(_kit: Kit): void {}
