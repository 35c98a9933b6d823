/** Whether the secrets of a project are kept as secrets are: read by their owner alone, and not committed. */
import { execFile } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Check, Examined } from "./check.ts";

const gitTimeoutMs = 5_000;

export async function secretChecks({ project }: Examined): Promise<Check[]> {
  if (project === undefined) return [];
  const { listSecretsHere } = await import("../local/secrets.ts");
  const { secrets, faults } = await listSecretsHere(project, []);
  const checks = [...faults.map(faultCheck), ...(await gitChecks(project)), ...openDotenv(project)];
  if (checks.length > 0) return checks;
  const count = secrets.length === 0 ? "none set" : `${secrets.length} set`;
  return [{ name: "secrets", state: "good", fact: `${count}; kept from others and from git` }];
}

function faultCheck(fault: string): Check {
  const mode = /^(.*) can be read by others/.exec(fault)?.[1];
  const fix = mode === undefined ? "af secrets list" : `chmod 600 ${mode}`;
  return { name: "secrets", state: "bad", fact: fault, fix };
}

async function gitChecks(project: string): Promise<Check[]> {
  if ((await git(project, ["rev-parse", "--is-inside-work-tree"])) !== 0) return [];
  const found: Check[] = [];
  for (const file of [".env", ".agentflow/secrets.json"]) {
    if ((await git(project, ["ls-files", "--error-unmatch", file])) === 0) {
      const fact = `${file} is committed to git: whoever has the repository has its secrets`;
      const fix = `git rm --cached ${file}, then have every key in it replaced: the history keeps them`;
      found.push({ name: "secrets", state: "bad", fact, fix });
    } else if ((await git(project, ["check-ignore", "-q", file])) !== 0) {
      // It may not be there yet; the next `git add .` would take it.
      const [top = file] = file.split("/");
      const state = existsSync(join(project, file)) ? "bad" : "note";
      const entry = top === file ? file : `${top}/`;
      found.push({
        name: "secrets",
        state,
        fact: `${file} is not ignored by git`,
        fix: `echo ${entry} >> .gitignore`,
      });
    }
  }
  return found;
}

/** The exit code; 127 when there is no git, or it says nothing in time. */
function git(folder: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    execFile("git", args, { cwd: folder, timeout: gitTimeoutMs }, (error) => {
      if (error === null) resolve(0);
      else resolve(typeof error.code === "number" ? error.code : 127);
    });
  });
}

function openDotenv(project: string): Check[] {
  const found = statSync(join(project, ".env"), { throwIfNoEntry: false });
  if (found === undefined || (found.mode & 0o004) === 0) return [];
  return [
    { name: "secrets", state: "note", fact: ".env can be read by every user here", fix: "chmod 600 .env" },
  ];
}
