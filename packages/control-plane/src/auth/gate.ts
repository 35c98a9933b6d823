/** The gate of the API: Host and Origin first, then who it is. Also on localhost: any page may call there. */
import { AgentFlowError } from "@agentflow/protocol";
import { type Keys, localPrincipal, sameHash, sha256 } from "./keys.ts";
import { type Principal, unauthenticated } from "./principal.ts";
import type { Throttle } from "./throttle.ts";

export interface GateOptions {
  readonly keys: Keys;
  /** SHA-256 of the local token, lower-case hex; without one only keys open. */
  readonly localTokenHash?: string;
  /**
   * Host names (with port where not the default) under which the API may be addressed. `127.0.0.1:*`: at any
   * port, as the end of a forward has one that nobody knows before.
   */
  readonly hosts: () => ReadonlySet<string>;
  /** Origins of pages that may call; the API's own addresses always may. */
  readonly origins: ReadonlySet<string>;
  /** Counts failures by address; without one nobody is slowed down. */
  readonly throttle?: Throttle;
}

export interface Knock {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  /** `Sec-WebSocket-Protocol`: where a browser's socket carries its token. */
  readonly protocols?: string | undefined;
  /** Where the connection comes from. A header cannot say it. */
  readonly address?: string | undefined;
}

export interface Gate {
  /** Refuses a foreign Host or Origin: a page that rebinds its name to this machine gets nothing. */
  checkAddress(knock: Knock): void;
  /** Who it is. From an address that fails too often, only what opened before goes on opening. */
  identify(knock: Knock): Promise<Principal>;
}

export function createGate(options: GateOptions): Gate {
  const local = localPrincipal();
  const identifyKey = keyDoor(options.keys, options.throttle);
  return {
    checkAddress({ host, origin }) {
      const hosts = options.hosts();
      if (host === undefined || !names(hosts, host)) {
        throw new AgentFlowError("forbidden", "the Host header does not name this API", {
          reason: "foreign_host",
          suggestions: ["call it by 127.0.0.1 or localhost, or add the name to api.hosts"],
        });
      }
      if (origin !== undefined && !isOwnOrigin(origin, { host, hosts }) && !options.origins.has(origin)) {
        throw new AgentFlowError("forbidden", "pages of this origin may not call the API", {
          reason: "foreign_origin",
        });
      }
    },
    identify(knock) {
      const token = tokenOf(knock);
      if (token === undefined) return Promise.reject(unauthenticated("no token was sent"));
      const hash = sha256(token);
      const known = options.localTokenHash;
      if (known !== undefined && sameHash(known, hash)) return Promise.resolve(local);
      return identifyKey({ token, hash, address: knock.address ?? "" });
    },
  };
}

const openedMax = 1_000;

/** Keys that opened lately are remembered by their hash: an address may be a proxy that many share. */
function keyDoor(
  keys: Keys,
  throttle: Throttle | undefined,
): (of: { token: string; hash: string; address: string }) => Promise<Principal> {
  const lately = new Set<string>();
  return async ({ token, hash, address }) => {
    if (!lately.has(hash)) throttle?.check(address);
    try {
      const principal = await keys.authenticate(token);
      if (lately.size >= openedMax) lately.clear();
      lately.add(hash);
      return principal;
    } catch (error) {
      lately.delete(hash);
      if (AgentFlowError.is(error) && error.code === "unauthenticated") throttle?.failed(address);
      throw error;
    }
  };
}

function names(hosts: ReadonlySet<string>, host: string): boolean {
  const asked = host.toLowerCase();
  return hosts.has(asked) || hosts.has(asked.replace(/(:[0-9]{1,5})?$/, ":*"));
}

/** At any port only the page that the API itself gave is its own: others of this machine have their ports. */
function isOwnOrigin(
  origin: string,
  { host, hosts }: { readonly host: string; readonly hosts: ReadonlySet<string> },
): boolean {
  const from = /^https?:\/\/([^/]+)$/.exec(origin)?.[1]?.toLowerCase();
  return from !== undefined && (hosts.has(from) || from === host.toLowerCase());
}

function tokenOf(knock: Knock): string | undefined {
  const header = /^Bearer ([A-Za-z0-9_.~+/=-]{1,512})$/.exec(knock.authorization ?? "")?.[1];
  if (header !== undefined) return header;
  const protocol = (knock.protocols ?? "").split(",").find((part) => part.trim().startsWith("bearer."));
  return protocol?.trim().slice("bearer.".length);
}
