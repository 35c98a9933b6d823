import { operations } from "./operations/index.ts";

/** The methods that a path takes, as `Allow` lists them; undefined when there is no such path. */
export function wrongMethod(path: string): string | undefined {
  const allowed = known.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
  return allowed.length === 0 ? undefined : [...new Set(allowed)].join(", ");
}

const documents = [
  "/openapi.json",
  "/livez",
  "/readyz",
  "/metrics",
  "/v1/events",
  "/v1/telemetry/stream",
  "/v1/backup",
  "/v1/bus/tail",
];

const known: readonly { readonly pattern: RegExp; readonly method: string }[] = [
  ...operations.map(({ path, method }) => ({ pattern: patternOf(path), method: method.toUpperCase() })),
  ...documents.map((path) => ({ pattern: patternOf(path), method: "GET" })),
];

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{[a-z]+\}/g, "[^/]+")}$`);
}
