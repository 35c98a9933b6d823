/** Secrets of one machine: where their values lie, how they are written, and how they are hidden. */
export { type DotenvFault, type DotenvText, parseDotenv } from "./dotenv.ts";
export { readSecretFile, removeSecret, secretFileOf, secretLimits, setSecret } from "./secret-file.ts";
export { type LockOptions, withLock } from "./secret-lock.ts";
export { looksSecret, type NamedSecrets, namedIn } from "./secret-names.ts";
export {
  type KnownSecret,
  openSecrets,
  secretNotSet,
  type SecretPlace,
  secretPlaces,
  type SecretStore,
  type SecretStoreOptions,
} from "./secret-store.ts";
