/** Which files of a project stay out of its image. */
import dockerignore from "@balena/dockerignore";

export interface IgnoreRules {
  /** Paths are relative to the project, with forward slashes. */
  ignores(path: string): boolean;
  /** Whether nothing below the folder can come in, so that it need not be looked at. */
  closes(folder: string): boolean;
}

/** Stay out unless an ignore file brings them back with `!`: also backups of `af backup`, which hold runs. */
const byDefault = [
  "*.zst",
  "**/.DS_Store",
  "**/*.log",
  "**/*.tsbuildinfo",
  "**/coverage",
  ".devcontainer",
  ".github",
  ".idea",
  ".vscode",
  "Dockerfile*",
  "docker-compose*",
  "compose.y*ml",
];

/** Never come in, whatever an ignore file says: what is not code, and where secrets lie. */
const never = new RegExp(
  `(^|/)(${[
    String.raw`\.git|node_modules|\.agentflow|\.afignore|.*\.afdebug`,
    String.raw`\.env(\.[^/]*)?|\.envrc|\.npmrc|\.netrc|\.pgpass|\.git-credentials`,
    String.raw`\.ssh|\.aws|\.azure|\.gnupg|\.kube|\.docker`,
  ].join("|")})(/|$)`,
  "i",
);
const neverButKnown = /(^|\/)\.env\.(example|sample|template)$/;

/** `text` is the project's `.afignore`, or else its `.dockerignore`, in the language of the latter. */
export function ignoreRules(text: string | undefined): IgnoreRules {
  const lines = (text ?? "").split(/\r?\n/).map((line) => line.trim());
  const rules = dockerignore.default().add(byDefault);
  rules.add(lines.filter((line) => line !== "" && !line.startsWith("#")));
  const reopens = lines.some((line) => line.startsWith("!"));
  const isNever = (path: string): boolean => never.test(path) && !neverButKnown.test(path);
  return {
    ignores: (path) => isNever(path) || rules.ignores(path),
    closes: (folder) => isNever(folder) || (!reopens && rules.ignores(folder)),
  };
}
