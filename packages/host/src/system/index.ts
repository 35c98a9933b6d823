/** The machine itself: clock, dice, files, descriptors, signals. Only a `main.ts` imports this. */
export { boundHeap, type HeapBounds, heapBounds, holdHeap } from "./heap.ts";
export { readText, systemEnvironment, userConfigPath } from "./files.ts";
export { toDescriptor } from "./outputs.ts";
export { addProcessMetrics } from "./process-metrics.ts";
export { type RotatingFileOptions, toRotatingFile } from "./rotating-file.ts";
export { installSignals, type SignalOptions } from "./signals.ts";
export { systemClock, systemTimers, systemWorld } from "./world.ts";
