/** Workers of `af dev --on docker`. */
export { devImage, type DevImageOptions } from "./image.ts";
export type { DevWorkerOptions } from "./options.ts";
export { devLabels } from "./places.ts";
export { type DevWorker, startDevWorker, sweepDevWorkers } from "./worker.ts";
