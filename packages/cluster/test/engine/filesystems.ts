/** Root filesystems of the stand-ins, put together from programs of this machine. */
import { execFile } from "node:child_process";
import { access, chmod, cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import tar from "tar-fs";
import { findNatsServer, serverCache, unpackNewest } from "@agentflow/bus/servers";

interface Filesystem {
  readonly tar: NodeJS.ReadableStream;
  /** Removes what was put together for it. */
  done(): Promise<void>;
}

const run = promisify(execFile);
const certificates = "/etc/ssl/certs/ca-certificates.crt";

export function nodeFilesystem(): Promise<Filesystem> {
  return assembled(async (root) => {
    await program(root, process.execPath, "usr/local/bin/node");
    const npm = await npmFolder();
    if (npm === undefined) return;
    await cp(npm, join(root, "usr/local/lib/node_modules/npm"), { recursive: true, dereference: true });
    for (const name of ["npm", "npx"]) {
      await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(root, "usr/local/bin", name));
    }
  });
}

export function natsFilesystem(): Promise<Filesystem> {
  return assembled(async (root) => {
    const { stdout } = await run("sh", ["-c", `command -v "${await findNatsServer()}"`]);
    await program(root, stdout.trim(), "usr/local/bin/nats-server");
  });
}

async function assembled(fill: (root: string) => Promise<void>): Promise<Filesystem> {
  const root = await mkdtemp(join(tmpdir(), "agentflow-root-"));
  const done = (): Promise<void> => rm(root, { recursive: true, force: true });
  try {
    for (const folder of [
      "usr/local/bin",
      "bin",
      "etc/ssl/certs",
      "home/node",
      "root",
      "var/tmp",
      "proc",
      "sys",
    ]) {
      await mkdir(join(root, folder), { recursive: true });
    }
    await mkdir(join(root, "tmp"));
    await chmod(join(root, "tmp"), 0o1777);
    await chmod(join(root, "var/tmp"), 0o1777);
    await accounts(root);
    await busybox(root);
    if (await isThere(certificates)) await cp(certificates, join(root, certificates), { dereference: true });
    await fill(root);
  } catch (error) {
    await done();
    throw error;
  }
  // This process's umask has been taken off the modes: a folder for everybody needs its own again.
  const asInstalled = (header: tar.Headers): tar.Headers => {
    const owner = header.name.startsWith("home/node") ? 1000 : 0;
    const mode = /^(var\/)?tmp$/.test(header.name) ? 0o1777 : header.mode;
    return { ...header, mode, uid: owner, gid: owner };
  };
  return { tar: tar.pack(root, { map: asInstalled }), done };
}

async function accounts(root: string): Promise<void> {
  const users = ["root:x:0:0:root:/root:/bin/sh", "node:x:1000:1000::/home/node:/bin/sh"];
  const groups = ["root:x:0:", "node:x:1000:"];
  await writeFile(join(root, "etc/passwd"), `${users.join("\n")}\nnobody:x:65534:65534::/:/bin/false\n`);
  await writeFile(join(root, "etc/group"), `${groups.join("\n")}\nnogroup:x:65534:\n`);
  await writeFile(join(root, "etc/nsswitch.conf"), "hosts: files dns\n");
}

async function busybox(root: string): Promise<void> {
  const folder = join(serverCache(), "busybox-static");
  const unpacked = [join(folder, "bin/busybox"), join(folder, "usr/bin/busybox")];
  if (!(await anyOf(unpacked))) await unpackNewest("busybox-static", folder);
  const found = await anyOf(unpacked);
  if (found === undefined) throw new Error("busybox-static holds no busybox");
  await cp(found, join(root, "bin/busybox"));
  const { stdout } = await run(found, ["--list"]);
  for (const name of stdout.trim().split("\n")) {
    if (name !== "busybox") await symlink("busybox", join(root, "bin", name));
  }
  await symlink("../../bin/env", join(root, "usr/bin/env")).catch(async () => {
    await mkdir(join(root, "usr/bin"), { recursive: true });
    await symlink("../../bin/env", join(root, "usr/bin/env"));
  });
}

/** A program with the libraries it is linked to, without its symbols where they can be taken off. */
async function program(root: string, from: string, to: string): Promise<void> {
  const target = join(root, to);
  await cp(await realpath(from), target);
  await chmod(target, 0o755);
  await run("strip", ["--strip-unneeded", target]).catch(() => undefined);
  const { stdout } = await run("ldd", [from]).catch(() => ({ stdout: "" }));
  for (const [, library = ""] of stdout.matchAll(/(\/\S+\.so[^\s]*)/g)) {
    await mkdir(join(root, dirname(library)), { recursive: true });
    await cp(await realpath(library), join(root, dirname(library), basename(library)));
  }
  // Found by name when it is needed, so no linker knows of them: how hosts are looked up.
  for (const [, folder = ""] of stdout.matchAll(/(\/\S+)\/libc\.so/g)) {
    for (const name of ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"]) {
      const library = join(folder, name);
      if (await isThere(library)) await cp(await realpath(library), join(root, library));
    }
  }
}

async function npmFolder(): Promise<string | undefined> {
  const { stdout } = await run("sh", ["-c", "command -v npm || true"]);
  if (stdout.trim() === "") return undefined;
  // …/npm/bin/npm-cli.js, behind whatever links lead there.
  return dirname(dirname(await realpath(stdout.trim())));
}

async function anyOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await isThere(path)) return path;
  return undefined;
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
