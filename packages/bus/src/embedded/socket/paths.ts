import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { AgentFlowError } from "@agentflow/protocol";

/** The shortest limit of the systems we run on, with its closing zero. */
const pathBytesMax = 103;

/** Where the owner of `dir` listens: inside it, or, when that is too long for a socket, under the system's
 *  temporary folder, in a folder of the user's own. */
export function socketPathFor(dir: string): string {
  const inside = join(resolve(dir), "socket");
  if (Buffer.byteLength(inside) <= pathBytesMax) return inside;
  const hash = createHash("sha256").update(resolve(dir)).digest("hex").slice(0, 24);
  return join(tmpdir(), `agentflow-${userInfo().uid}`, hash);
}

/** Makes the folder of a socket. Refuses one that others can reach into. */
export function prepareSocketFolder(path: string): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid } = userInfo();
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== uid) {
    throw new AgentFlowError("forbidden", `${folder} belongs to another user: no socket is put there`, {
      reason: "foreign_folder",
      details: { folder },
      suggestions: [`remove ${folder}, or use a state folder with a shorter path`],
    });
  }
  chmodSync(folder, 0o700);
}
