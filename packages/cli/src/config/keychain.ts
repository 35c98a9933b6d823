/** Tokens in the system's keychain, by its own program. A token goes in by stdin and is in no argument. */
import { AgentFlowError } from "@agentflow/protocol";
import { spawnSync } from "node:child_process";

export interface Keychain {
  /** What it is called, for messages. */
  readonly name: string;
  store(entry: KeychainEntry, token: string): void;
  /** Undefined when it holds none for this entry. */
  find(entry: KeychainEntry): string | undefined;
  remove(entry: KeychainEntry): void;
}

/** A token is kept for its addresses: others under the same name do not find it. */
export interface KeychainEntry {
  readonly context: string;
  readonly urls: readonly string[];
}

/** It may ask its owner to unlock it. */
const answerWithinMs = 120_000;

/** Refuses where the system has none that we know. */
export function systemKeychain(platform: string = process.platform): Keychain {
  if (platform === "darwin") return macKeychain;
  if (platform === "linux" || platform === "freebsd") return secretService;
  throw new AgentFlowError("refused", `no keychain is known on ${platform}`, {
    reason: "no_keychain",
    suggestions: ["leave --keychain out: the token is then kept in a file that only you can read"],
  });
}

const secretService: Keychain = {
  name: "secret-tool (libsecret)",
  store(entry, token) {
    const label = `--label=AgentFlow context ${entry.context}`;
    need(ask("secret-tool", ["store", label, ...attributes(entry)], token), "secret-tool", "store the token");
  },
  find(entry) {
    const { code, stdout, stderr } = ask("secret-tool", ["lookup", ...attributes(entry)]);
    if (code === 0) return given(stdout);
    // It says nothing at all when there is no such entry.
    if (stderr.trim() === "") return undefined;
    throw failed("secret-tool", "read the token", stderr);
  },
  remove(entry) {
    const { code, stderr } = ask("secret-tool", ["clear", ...attributes(entry)]);
    if (code !== 0 && stderr.trim() !== "") throw failed("secret-tool", "remove the token", stderr);
  },
};

/** `security` takes whole commands on stdin; the token as digits, so that nothing needs quoting. */
const macKeychain: Keychain = {
  name: "security (keychain)",
  store(entry, token) {
    const digits = Buffer.from(token, "utf8").toString("hex");
    const command = `add-generic-password -U -s "${service}" -a "${account(entry)}" -X ${digits}\n`;
    const answer = ask("security", ["-i"], command);
    // It ends with 0 also when a command on stdin failed.
    if (answer.stderr.trim() !== "") throw failed("security", "store the token", answer.stderr);
    need(answer, "security", "store the token");
  },
  find(entry) {
    const { code, stdout, stderr } = ask("security", ["find-generic-password", ...named(entry), "-w"]);
    if (code === 0) return given(stdout);
    if (code === itemNotFound) return undefined;
    throw failed("security", "read the token", stderr);
  },
  remove(entry) {
    const { code, stderr } = ask("security", ["delete-generic-password", ...named(entry)]);
    if (code !== 0 && code !== itemNotFound) throw failed("security", "remove the token", stderr);
  },
};

const service = "agentflow";
const itemNotFound = 44;

function attributes({ context, urls }: KeychainEntry): string[] {
  return ["service", service, "context", context, "url", urls.toSorted().join(" ")];
}

function named(entry: KeychainEntry): string[] {
  return ["-s", service, "-a", account(entry)];
}

/** Both are of letters that need no quoting: a name of ours, and addresses as they are written out. */
function account({ context, urls }: KeychainEntry): string {
  const written = urls.map((url) => new URL(url).href.replaceAll('"', "%22").replaceAll("\\", "%5C"));
  return `${context}@${written.toSorted().join(",")}`;
}

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function ask(program: string, args: readonly string[], input = ""): Answer {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    input,
    encoding: "utf8",
    timeout: answerWithinMs,
    stdio: "pipe",
  });
  // One that fails at once reads nothing: what it said on stderr is the reason.
  const isUnread = error !== undefined && "code" in error && error.code === "EPIPE";
  if (error !== undefined && !isUnread) {
    const isMissing = "code" in error && error.code === "ENOENT";
    const why = isMissing ? "it is not on the PATH" : error.message;
    throw new AgentFlowError("unavailable", `the keychain cannot be used: ${program}: ${why}`, {
      reason: "no_keychain",
      suggestions: [
        ...(isMissing && program === "secret-tool" ? ["install it: apt install libsecret-tools"] : []),
        "or without --keychain: the token is then kept in a file that only you can read",
      ],
    });
  }
  return { code: status ?? 1, stdout, stderr };
}

function need({ code, stderr }: Answer, program: string, doing: string): void {
  if (code !== 0) throw failed(program, doing, stderr);
}

function failed(program: string, doing: string, stderr: string): AgentFlowError {
  const [why = "it did not say why"] = stderr.trim().split("\n");
  return new AgentFlowError("unavailable", `the keychain did not ${doing}: ${why || "it did not say why"}`, {
    reason: "keychain_failed",
    details: { where: program },
    suggestions: ["unlock it and try again", "or keep the token in a file: af context add --replace"],
  });
}

function given(text: string): string | undefined {
  const value = text.replace(/\r?\n$/, "");
  return value === "" ? undefined : value;
}
