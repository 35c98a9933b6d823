/** What a command needs that looks at the sandboxes of this machine. */
export { openSandboxSource } from "./sandbox/for-worker.ts";
export type { OpenSandbox, SandboxRequest, SandboxSource } from "./sandbox/source.ts";
export { podProbe } from "./sandbox/kubernetes/probe.ts";
