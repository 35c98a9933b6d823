export type { Door } from "./door.ts";
export { inspectorPort, inspectorProgram } from "./inspector-program.ts";
export { openProxy } from "./proxy.ts";
export { openTunnel } from "./tunnel.ts";
