import type { Kit } from "./kit.ts";

export function blobsContract(_kit: Kit): void {}
