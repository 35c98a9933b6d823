/**
 * Secrets under compose: it writes values of variables into containers only where the root can be written, so
 * one job is given them and puts them into the volume that workers read.
 */
import { hardening } from "../model/hardening.ts";
import type { Installation } from "../model/installation.ts";
import { labels, stackName } from "../model/names.ts";
import { paths } from "../model/paths.ts";

const given = "/srv/given";

/** Whether any copy of any part is given secrets. */
export function takesSecrets({ parts, secrets }: Installation): boolean {
  return (
    secrets.length > 0 && parts.some(({ secretsAt, replicas }) => secretsAt !== undefined && replicas > 0)
  );
}

/** Values that are no more are taken away, so a secret that was withdrawn is gone. */
const copying = [
  'const fs = require("node:fs");',
  "const [from, to] = process.argv.slice(1);",
  "for (const name of fs.readdirSync(to)) fs.rmSync(to + '/' + name, { recursive: true });",
  "for (const name of fs.readdirSync(from)) {",
  "fs.writeFileSync(to + '/' + name, fs.readFileSync(from + '/' + name), { mode: 0o400 });",
  `fs.chownSync(to + '/' + name, ${hardening.user.replace(":", ", ")}); }`,
].join(" ");

export function secretsService(installation: Installation): {
  readonly image: string;
  readonly [key: string]: unknown;
} {
  const { project, target, version, secrets } = installation;
  const worker = installation.parts.find(({ role }) => role === "worker");
  return {
    image: worker?.image ?? "",
    container_name: `${stackName(installation)}-secrets-1`,
    entrypoint: ["node", "-e", copying],
    command: [given, paths.secrets],
    // The engine gives what it writes into a container to a user that it knows by name.
    user: "root",
    read_only: false,
    cap_add: ["CHOWN", "DAC_OVERRIDE"],
    restart: "no",
    network_mode: "none",
    cpus: 1,
    mem_limit: "128m",
    memswap_limit: "128m",
    pids_limit: 64,
    secrets: secrets.map((name) => ({ source: name, target: `${given}/${name}` })),
    volumes: [{ type: "volume", source: "secrets", target: paths.secrets, volume: { nocopy: true } }],
    labels: {
      [labels.project]: project,
      [labels.target]: target,
      [labels.part]: "secrets",
      [labels.copy]: "1",
      [labels.version]: version,
    },
  };
}
