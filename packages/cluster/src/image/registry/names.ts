/** Where an image stands in a registry. */

/** What Docker's client calls its own registry. */
const dockerHub = "https://index.docker.io/v1/";

/** `agentflow/triage:0f3a` in `registry.example.com/team` is `registry.example.com/team/triage:0f3a`. */
export function referenceIn(registry: string, local: string): string {
  const colon = local.lastIndexOf(":");
  const [path, tag] = [local.slice(0, colon), local.slice(colon + 1)];
  return `${registry}/${path.slice(path.lastIndexOf("/") + 1)}:${tag}`;
}

/** Without its tag. */
export function repositoryOf(reference: string): string {
  const colon = reference.lastIndexOf(":");
  return colon > reference.lastIndexOf("/") ? reference.slice(0, colon) : reference;
}

export function tagOf(reference: string): string {
  return reference.slice(repositoryOf(reference).length + 1);
}

/** The host of a reference: a first part with a point, a port or called localhost; else Docker's own. */
export function hostOf(reference: string): string {
  const slash = reference.indexOf("/");
  const first = reference.slice(0, Math.max(0, slash));
  return /[.:]/.test(first) || first === "localhost" ? first : "docker.io";
}

/** With all that may be left out, as nodes say it: `docker.io/library/nats:2.15-alpine`. */
export function wholeName(reference: string): string {
  const host = hostOf(reference);
  const path = reference.startsWith(`${host}/`) ? reference.slice(host.length + 1) : reference;
  return `${host}/${host === "docker.io" && !path.includes("/") ? "library/" : ""}${path}`;
}

/** Under which name its login is kept. */
export function serverOf(host: string): string {
  return host === "docker.io" || host === "index.docker.io" ? dockerHub : host;
}

/** A key of `auths` without scheme and path, as some tools write them. */
export function bareServer(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}
