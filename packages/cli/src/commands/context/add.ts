import { AgentFlowError } from "@agentflow/protocol";
import { AgentFlowCommand } from "../../base-command.ts";
import { isClusterName } from "../../config/cluster-name.ts";
import { contextPlaces, type ContextPlaces } from "../../config/context-places.ts";
import { addClusterContext, addContext, findContext, type TokenPlace } from "../../config/contexts.ts";
import { refuseOpenToken } from "../../config/installation.ts";
import { type Addresses, addressesMax } from "../../config/parse-contexts.ts";
import { readUserContexts } from "../../config/user-contexts.ts";
import { type Probed, probeAddress, probeContext } from "../../contexts/probe.ts";
import { Args, Flags } from "../../flags.ts";
import { bold, cyan, dim, type Text, yellow } from "../../output/text.ts";

export default class ContextAdd extends AgentFlowCommand {
  static override summary = "Give an installation a name, with the token that opens it";
  static override description =
    "It is asked first, and who answers is said. The token comes from a prompt or stdin, never from the " +
    "command line; it is kept in a file that only you can read, or with --keychain in the system's " +
    "keychain. It goes to the addresses given here and to no other. With several, a command goes to the " +
    "next one while the one before is gone.";
  static override args = {
    context: Args.string({ required: true, description: "the name it gets", ignoreStdin: true }),
  };
  static override flags = {
    url: Flags.string({
      required: true,
      multiple: true,
      multipleNonGreedy: true,
      description:
        "the address of its API, once for each control plane where it has several; or k8s:CONTEXT/NAMESPACE",
      helpValue: "URL",
    }),
    "token-stdin": Flags.boolean({ description: "read the token from standard input" }),
    "no-token": Flags.boolean({ description: "without a token", exclusive: ["token-stdin", "keychain"] }),
    keychain: Flags.boolean({ description: "keep the token in the system's keychain" }),
    "no-check": Flags.boolean({ description: "do not ask the address first" }),
    replace: Flags.boolean({ description: "in place of the one of that name" }),
  };
  static override examples = [
    "af context add prod --url https://af.example.com",
    "af context add prod --url https://af.example.com --token-stdin < token.txt",
    "af context add prod --url https://a.example.com --url https://b.example.com",
    "af context add prod --url https://af.example.com --keychain --replace",
    "af context add staging --url k8s:kind-lab/agents",
    "af context add local --url http://127.0.0.1:4180 --no-token --no-check --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContextAdd);
    const name = args.context;
    const places = contextPlaces({ folder: this.folder(flags), environment: process.env });
    const { contexts, clusters } = readUserContexts(places.user);
    if (!flags.replace && (contexts.has(name) || clusters.has(name))) throw taken(name, flags.url);
    const [cluster] = flags.url.filter(isClusterName);
    if (cluster !== undefined) return this.#inCluster(places, { ...flags, name, cluster });
    const urls = addressesOf(flags.url);
    const token = await this.#token(name, flags);
    for (const url of urls) refuseOpenToken({ url, ...(token === undefined ? {} : { token }) });
    const probed = flags["no-check"] ? undefined : await checkedAll(urls, token);
    const place = await addContext(places, { name, urls, token, keychain: flags.keychain });
    const check = probed === undefined ? {} : { check: probed };
    this.output.data({ name, url: urls[0], urls, token: place, ...check });
    this.#tell({ name, where: urls.join(", "), probed, token: tokenText(place) });
  }

  /** Its token lies in the cluster, and is read there with each command. */
  async #inCluster(places: ContextPlaces, of: AddingCluster): Promise<void> {
    const { name, cluster } = of;
    if (of.url.length > 1 || of["token-stdin"] || of["no-token"] || of.keychain) throw ownToken();
    const context = findContext(places, cluster);
    const probed = of["no-check"] ? undefined : answered(await probeContext(context, () => undefined));
    await addClusterContext(places, { name, cluster });
    this.output.data({ name, cluster, token: "secret", ...(probed === undefined ? {} : { check: probed }) });
    this.#tell({ name, where: cluster, probed, token: "is read in the cluster, with each command" });
  }

  #tell({ name, where, probed, token }: Telling): void {
    this.output.line(["context ", bold(name), " is added", dim(`  ${where}`)]);
    if (probed !== undefined) this.output.say(answerText(probed));
    this.output.say([dim("token "), token]);
    this.output.say([
      dim("use it: "),
      cyan(`af context use ${name}`),
      dim(" or "),
      cyan(`af status --context ${name}`),
    ]);
  }

  async #token(
    name: string,
    flags: {
      readonly "token-stdin": boolean;
      readonly "no-token": boolean;
      readonly "no-input": boolean;
      readonly json: boolean;
    },
  ): Promise<string | undefined> {
    if (flags["no-token"]) return undefined;
    if (flags["token-stdin"]) {
      const { readValueFromStdin } = await import("../../secrets/parse-value.ts");
      return tokenIn(await readValueFromStdin());
    }
    if (!this.mayAsk(flags)) {
      throw new AgentFlowError("invalid_input", "nobody can be asked for the token here", {
        reason: "token_needed",
        suggestions: [`af context add ${name} --url … --token-stdin < FILE`, "or without one: --no-token"],
      });
    }
    const { password } = await import("@inquirer/prompts");
    const text = await password(
      { message: `Token of ${name} (it is not shown; empty: none):` },
      { output: process.stderr },
    );
    return text === "" ? undefined : tokenIn(text);
  }
}

interface AddingCluster {
  readonly name: string;
  readonly cluster: string;
  readonly url: readonly string[];
  readonly "token-stdin": boolean;
  readonly "no-token": boolean;
  readonly "no-check": boolean;
  readonly keychain: boolean;
}

interface Telling {
  readonly name: string;
  readonly where: string;
  readonly probed: Probed | undefined;
  readonly token: Text;
}

function ownToken(): AgentFlowError {
  return new AgentFlowError("invalid_input", "k8s:… stands alone: its token is read in the cluster", {
    reason: "invalid_url",
    suggestions: ["without --token-stdin, --no-token, --keychain and another --url"],
  });
}

function addressesOf(told: readonly string[]): Addresses {
  const [first, ...others] = new Set(told.map(addressOf));
  if (first !== undefined && others.length < addressesMax) return [first, ...others];
  throw new AgentFlowError("invalid_input", `a context has 1 to ${addressesMax} addresses`, {
    reason: "invalid_url",
  });
}

/** The address alone: what stands behind it (`/v1/…`, a query) is the API's. */
function addressOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new AgentFlowError("invalid_input", `${JSON.stringify(text.slice(0, 200))} is no address`, {
      reason: "invalid_url",
      suggestions: ["write it whole: https://af.example.com, http://127.0.0.1:4180"],
    });
  }
  if (url.username !== "" || url.password !== "") {
    throw new AgentFlowError("invalid_input", "a password in an address would be seen by others", {
      reason: "password_in_url",
      suggestions: [`--url ${url.protocol}//${url.host}, and the token by --token-stdin`],
    });
  }
  return url.pathname === "/" ? url.origin : `${url.origin}${url.pathname.replace(/\/$/, "")}`;
}

/** What a header can carry; a file often ends with a newline. */
function tokenIn(text: string): string {
  const token = text.trim();
  if (/^[\u0021-\u007e]{1,4096}$/.test(token)) return token;
  throw new AgentFlowError("invalid_input", token === "" ? "the token is empty" : "this is no token", {
    reason: "invalid_token",
    suggestions: ["a token is one word of letters and digits: af key create NAME makes one"],
  });
}

/** Each of them answers, and they are of one installation: a token goes to no other by mistake. */
async function checkedAll([first, ...others]: Addresses, token: string | undefined): Promise<Probed> {
  const probed = await checked(first, token);
  for (const url of others) {
    const { installation } = await checked(url, token);
    if (installation === probed.installation) continue;
    const text = `${first} and ${url} are two installations: ${probed.installation} and ${installation}`;
    throw new AgentFlowError("invalid_input", text, {
      reason: "two_installations",
      suggestions: ["a context for each of them: af context add NAME --url URL"],
    });
  }
  return probed;
}

/** Throws what the address answered when it is not an installation that the token opens. */
async function checked(url: string, token: string | undefined): Promise<Probed> {
  return answered(await probeAddress({ urls: [url], token }));
}

function answered({ error, ...probed }: Probed): Probed {
  if (error === undefined) return probed;
  const { code, message, reason, details, suggestions, cause } = error;
  const next = [...suggestions.slice(0, 2), "add it all the same: --no-check"];
  throw new AgentFlowError(code, message, { reason, details, cause, suggestions: next });
}

function taken(name: string, urls: readonly string[]): AgentFlowError {
  const told = urls.map((url) => `--url ${url}`).join(" ");
  return new AgentFlowError("already_exists", `there is a context ${name} already`, {
    reason: "context_exists",
    suggestions: [`af context show ${name}`, `in its place: af context add ${name} ${told} --replace`],
  });
}

function answerText({ installation = "", version = "", tenant, workers = 0, ms = 0 }: Probed): string {
  const whose = tenant === undefined ? "" : `, tenant ${tenant}`;
  const count = workers === 1 ? "1 worker" : `${workers} workers`;
  return `installation ${installation} answers: af ${version}${whose}, ${count}, ${ms}ms`;
}

function tokenText(place: TokenPlace): Text {
  if (place === "none") return yellow("none: it answers only what needs no token");
  return place === "keychain" ? "is in the system's keychain" : "is in a file that only you can read";
}
