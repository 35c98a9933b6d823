/** An installation whose parts are small programs: all that containers do, without waiting for ours. */
import { readFileSync } from "node:fs";
import type { Installation, Part } from "@agentflow/cluster";

export interface Standin {
  readonly project: string;
  readonly image: string;
  readonly port: number;
  /** Stands in the workers' environment, as what changes with the project's code. */
  readonly code?: string;
  readonly workers?: number;
  readonly controlPlanes?: number;
  readonly pools?: readonly string[];
  readonly secrets?: readonly string[];
  readonly worker?: Partial<Part>;
  readonly controlPlane?: Partial<Part>;
}

const health = readFileSync(new URL("../../../../deploy/docker/health.js", import.meta.url), "utf8");

// Answers 200 with who it is; ends on SIGTERM.
const server = `
const answer = process.env.NAME + " " + process.env.CODE;
require("node:http").createServer((request, response) => response.end(answer)).listen(8080);
process.on("SIGTERM", () => { console.log("drained"); process.exit(0); });
console.log("listening");
`;

const keys = `
const fs = require("node:fs");
const token = "token-" + process.pid + "-" + Date.now();
if (!fs.existsSync("/keys/token")) fs.writeFileSync("/keys/token", token, { mode: 0o600 });
console.log("keys are there");
`;

export function standin(of: Standin): Installation {
  const { image, code = "1", workers = 1, controlPlanes = 1, pools = ["default"] } = of;
  return {
    project: of.project,
    target: "docker",
    version: "0.1.0",
    parts: [
      {
        ...common,
        name: "keys",
        role: "keys",
        replicas: 1,
        runs: "once",
        image,
        command: ["node", "-e", keys],
        mounts: [{ volume: "keys-control-plane", path: "/keys", readOnly: false }],
      },
      {
        ...served,
        name: "control-plane",
        role: "control-plane",
        replicas: controlPlanes,
        image,
        command: ["node", "-e", server],
        mounts: [
          { volume: "keys-control-plane", path: "/etc/agentflow/keys", readOnly: true },
          { volume: "control-plane", path: "/var/lib/agentflow", readOnly: false },
        ],
        after: ["keys"],
        ...of.controlPlane,
      },
      ...pools.map(
        (pool): Part => ({
          ...served,
          name: `worker-${pool}`,
          role: "worker",
          replicas: workers,
          image,
          command: ["node", "-e", server],
          environment: { CODE: code },
          mounts: [],
          secretsAt: "/run/secrets",
          after: ["control-plane"],
          ...of.worker,
        }),
      ),
    ],
    volumes: [
      { name: "keys-control-plane", each: false, holds: "keys" },
      { name: "control-plane", each: true, holds: "state" },
    ],
    secrets: of.secrets ?? [],
    api: { part: "control-plane", host: "127.0.0.1", port: of.port },
  };
}

const common = {
  environment: {},
  files: [],
  ports: [],
  limits: { cpus: 1, memoryMb: 128, pids: 64 },
  stopMs: 5_000,
  after: [],
} as const;

const served = {
  ...common,
  runs: "always",
  nameIn: "NAME",
  files: [{ path: "/opt/agentflow/health.js", content: health }],
  ports: [8080],
  health: { port: 8080, path: "/", everyMs: 5_000, timeoutMs: 2_000, retries: 3, startMs: 10_000 },
} as const;
