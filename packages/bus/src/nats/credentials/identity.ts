/** An NKey: whoever has the seed is this user; the server knows the public half alone. */
import { nkeys } from "@nats-io/transport-node";

export interface Identity {
  readonly seed: string;
  readonly publicKey: string;
}

export function makeIdentity(): Identity {
  return identityOf(nkeys.createUser());
}

/** Throws what the library throws for a text that is no seed of a user. */
export function identityFrom(seed: string): Identity {
  return identityOf(nkeys.fromSeed(Buffer.from(seed.trim())));
}

function identityOf(pair: ReturnType<typeof nkeys.createUser>): Identity {
  return { seed: Buffer.from(pair.getSeed()).toString(), publicKey: pair.getPublicKey() };
}
