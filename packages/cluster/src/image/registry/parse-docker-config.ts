/** What Docker's own client keeps of logins: parts of its config.json, and the answers of its helpers. */
import { AgentFlowError } from "@agentflow/protocol";

/** As `POST /images/…/push` takes it in its header; never shown. */
export interface RegistryLogin {
  readonly serveraddress: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

export interface DockerLogins {
  /** By the key as it is written: a host, or a URL. */
  readonly auths: { readonly [server: string]: unknown };
  readonly credsStore?: string;
  readonly credHelpers: { readonly [host: string]: string };
}

export function parseDockerLogins(text: string, path: string): DockerLogins {
  const config = object(json(text, path));
  const helpers = Object.entries(object(config["credHelpers"])).filter(([, name]) => isText(name));
  const store = config["credsStore"];
  return {
    auths: object(config["auths"]),
    ...(isText(store) && store !== "" ? { credsStore: store } : {}),
    credHelpers: Object.fromEntries(helpers) as { [host: string]: string },
  };
}

/** An entry of `auths`; nothing when it holds no login, as where a store has it. */
export function parseAuth(entry: unknown, serveraddress: string): RegistryLogin | undefined {
  const { auth, username, password, identitytoken } = object(entry);
  if (isText(identitytoken) && identitytoken !== "") return { serveraddress, identitytoken };
  if (isText(auth) && auth !== "") {
    const plain = Buffer.from(auth, "base64").toString("utf8");
    const colon = plain.indexOf(":");
    if (colon < 1) return undefined;
    // Docker's client fills the field up with zeros.
    const secret = plain.slice(colon + 1).replaceAll("\0", "");
    return { serveraddress, username: plain.slice(0, colon), password: secret };
  }
  if (isText(username) && isText(password) && username !== "") return { serveraddress, username, password };
  return undefined;
}

/** What `docker-credential-… get` answers; nothing when it is something else. */
export function parseHelperAnswer(text: string, serveraddress: string): RegistryLogin | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { Username, Secret } = object(answer);
  if (!isText(Username) || !isText(Secret) || Secret === "") return undefined;
  if (Username === "<token>") return { serveraddress, identitytoken: Secret };
  return { serveraddress, username: Username, password: Secret };
}

/** The registries for which a Secret of type `kubernetes.io/dockerconfigjson` has a login. */
export function parseSecretServers(base64: string): readonly string[] {
  try {
    const text = Buffer.from(base64, "base64").toString("utf8");
    return Object.keys(parseDockerLogins(text, "the secret").auths);
  } catch {
    return [];
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function object(value: unknown): { readonly [key: string]: unknown } {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as { [key: string]: unknown }) : {};
}

function json(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AgentFlowError(
      "invalid_input",
      `${path} is not JSON: Docker's own client cannot read it either`,
      {
        reason: "docker_config_broken",
        details: { path },
        suggestions: [`repair or remove ${path}`, "or name another folder: DOCKER_CONFIG"],
        // Without the cause: a parser quotes what it met.
        ...(cause instanceof SyntaxError ? {} : { cause }),
      },
    );
  }
}
