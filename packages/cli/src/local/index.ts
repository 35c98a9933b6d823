export { runDev } from "./dev.ts";
export type { DevOptions } from "./dev-options.ts";
export { loadCode } from "./load-code.ts";
export { type DevFile, localPaths } from "./paths.ts";
