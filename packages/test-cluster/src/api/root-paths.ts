/** What is no resource: discovery, OpenAPI, version, health. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { recordedBody } from "./recorded.ts";
import { sendJson, sendText, send } from "./answers.ts";
import { aggregated, coreVersions, groupList, oneGroup, resourceList } from "./discovery.ts";
import { openApiDocument, openApiIndex } from "./openapi.ts";
import type { Registry } from "./resources.ts";

export interface Root {
  readonly registry: Registry;
  /** As clients outside reach it: host and port. */
  readonly address: () => string;
}

/** False when the path is none of these. */
export function answerRoot(
  root: Root,
  request: IncomingMessage,
  url: URL,
  response: ServerResponse,
): boolean {
  const path = url.pathname.replace(/(?<=.)\/$/, "");
  const fixed = fixedAnswer(root, path);
  if (fixed !== undefined) {
    sendJson(response, 200, fixed);
    return true;
  }
  if (path === "/healthz" || path === "/livez" || path === "/readyz") {
    sendText(response, 200, url.searchParams.has("verbose") ? verbose(path) : "ok");
    return true;
  }
  if (path === "/api" || path === "/apis") {
    discover(root, path === "/api", request.headers.accept ?? "", response);
    return true;
  }
  if (path === "/openapi/v3" || path.startsWith("/openapi/v3/")) {
    openApi(root.registry, path, request, response);
    return true;
  }
  return listResources(root.registry, path, response);
}

function fixedAnswer(root: Root, path: string) {
  if (path === "/version") return recordedBody("01-discovery/01-version");
  if (path === "/") return { paths: pathsOf(root.registry) };
  return undefined;
}

function pathsOf(registry: Registry): readonly string[] {
  const groups = registry.groupVersions().flatMap(({ group, version }) => {
    return group === "" ? [`/api/${version}`] : [`/apis/${group}`, `/apis/${group}/${version}`];
  });
  return [
    "/api",
    "/apis",
    "/apis/",
    "/healthz",
    "/livez",
    "/openapi/v3",
    "/readyz",
    "/version",
    ...groups,
  ].sort();
}

function verbose(path: string): string {
  const checks = ["ping", "log", "etcd", "informer-sync"].map((one) => `[+]${one} ok\n`);
  return `${checks.join("")}${path.slice(1)} check passed\n`;
}

function discover(root: Root, core: boolean, accept: string, response: ServerResponse): void {
  if (accept.includes("as=APIGroupDiscoveryList")) {
    const type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    sendJson(response, 200, aggregated(root.registry, core), {
      "content-type": type,
      "cache-control": "public",
      vary: "Accept",
    });
    return;
  }
  sendJson(response, 200, core ? coreVersions(root.address()) : groupList(root.registry));
}

function listResources(registry: Registry, path: string, response: ServerResponse): boolean {
  const [root, ...parts] = path.split("/").slice(1);
  const core = root === "api";
  if ((!core && root !== "apis") || parts.length === 0 || parts.length > (core ? 1 : 2)) return false;
  const [group = "", version] = core ? ["", parts[0]] : parts;
  const found = version === undefined ? oneGroup(registry, group) : resourceList(registry, group, version);
  if (found === undefined) sendText(response, 404, "404 page not found\n");
  else sendJson(response, 200, found);
  return true;
}

const indexes = new WeakMap<Registry, { readonly index: string; readonly atMs: number }>();

/** Told in whole seconds, so another index is at least one later than that before it. */
function changedAt(registry: Registry, index: string): number {
  const known = indexes.get(registry);
  if (known?.index === index) return known.atMs;
  const atMs = Math.max(Date.now(), (known?.atMs ?? 0) + 1_000);
  indexes.set(registry, { index, atMs });
  return atMs;
}

function openApi(registry: Registry, path: string, request: IncomingMessage, response: ServerResponse): void {
  if (path === "/openapi/v3") {
    const index = JSON.stringify(openApiIndex(registry));
    const modified = new Date(changedAt(registry, index)).toUTCString();
    const headers = { "last-modified": modified, "accept-ranges": "bytes" };
    if (request.headers["if-modified-since"] === modified) send(response, 304, "", headers);
    else send(response, 200, index, { ...headers, "content-type": "text/plain; charset=utf-8" });
    return;
  }
  const document = openApiDocument(registry, path.slice("/openapi/v3/".length));
  if (document === undefined) {
    send(response, 404, "", {});
    return;
  }
  const headers = { "cache-control": "public, immutable", etag: `"${document.etag}"`, vary: "Accept" };
  if (request.headers["if-none-match"] === headers.etag) send(response, 304, "", headers);
  else send(response, 200, document.body, { ...headers, "content-type": "application/json" });
}
