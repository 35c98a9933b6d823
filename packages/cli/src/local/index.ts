export { type DevOptions, runDev } from "./dev.ts";
export { loadCode } from "./load-code.ts";
export { type DevFile, localPaths } from "./paths.ts";
