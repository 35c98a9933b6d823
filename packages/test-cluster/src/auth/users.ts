/** Who asks: bearer tokens of users and of ServiceAccounts, with an end. */
import { randomBytes, randomUUID } from "node:crypto";
import { StatusError } from "../api/status.ts";

export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

export const anonymous: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };

/** Of the cluster itself: its controllers, and whoever writes in this process. */
export const clusterItself: User = {
  name: "system:apiserver",
  groups: ["system:masters", "system:authenticated"],
};

const dayMs = 24 * 3600 * 1000;

export class Users {
  readonly #tokens = new Map<string, { readonly user: User; expiresAtMs: number }>();

  issue(user: User, forMs: number = 365 * dayMs): IssuedToken {
    const token = randomBytes(24).toString("base64url");
    return this.#keep(token, user, forMs);
  }

  /** In the form of a JWT, as pods get theirs; it means nothing but what is kept here of it. */
  issueForServiceAccount(of: { namespace: string; name: string; uid: string }, forMs: number): IssuedToken {
    const jti = randomUUID();
    const sub = `system:serviceaccount:${of.namespace}:${of.name}`;
    const now = Math.floor(Date.now() / 1000);
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const head = part({ alg: "RS256", kid: "test-cluster" });
    const claims = part({
      iss: "https://kubernetes.default.svc.cluster.local",
      sub,
      jti,
      iat: now,
      exp: now + forMs / 1000,
    });
    const token = `${head}.${claims}.${randomBytes(32).toString("base64url")}`;
    const groups = [
      "system:serviceaccounts",
      `system:serviceaccounts:${of.namespace}`,
      "system:authenticated",
    ];
    const extra = { "authentication.kubernetes.io/credential-id": [`JTI=${jti}`] };
    return this.#keep(token, { name: sub, uid: of.uid, groups, extra }, forMs);
  }

  /** No header at all is anonymous; a token that nobody knows, or whose time is over, is refused. */
  of(authorization: string | undefined): User {
    if (authorization === undefined || authorization === "") return anonymous;
    const token = /^Bearer (\S+)$/i.exec(authorization)?.[1] ?? "";
    const known = this.#tokens.get(token);
    if (known === undefined || known.expiresAtMs <= Date.now()) {
      throw new StatusError(401, "Unauthorized", "Unauthorized");
    }
    return known.user;
  }

  find(token: string): User | undefined {
    const known = this.#tokens.get(token);
    return known === undefined || known.expiresAtMs <= Date.now() ? undefined : known.user;
  }

  expire(token: string): void {
    const known = this.#tokens.get(token);
    if (known !== undefined) known.expiresAtMs = 0;
  }

  #keep(token: string, user: User, forMs: number): IssuedToken {
    const expiresAtMs = Date.now() + forMs;
    this.#tokens.set(token, { user, expiresAtMs });
    return { token, expiresAtMs };
  }
}
