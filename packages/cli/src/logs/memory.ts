import v8 from "node:v8";

/**
 * From now on the heap grows late and little. A stream of lines that are each held for a moment would make
 * both its parts grow to their bounds, for nothing: its lines are garbage a moment later.
 */
export function keepMemorySmall(): void {
  v8.setFlagsFromString("--semi-space-growth-factor=1");
  v8.setFlagsFromString("--heap-growing-percent=25");
}
