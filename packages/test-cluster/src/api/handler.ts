/** One request from its first line to its answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { mayDo, mayVisit } from "../auth/rbac.ts";
import { isReview, review, tokenFor } from "../auth/reviews.ts";
import type { User, Users } from "../auth/users.ts";
import { objectAt, textAt } from "../json.ts";
import type { JsonObject } from "../object.ts";
import type { MemoryStore } from "../store/memory-store.ts";
import { send, sendError, sendJson, sendText, statusOf, warningHeader } from "./answers.ts";
import { objectIn, optionsIn, patchKindOf, readBody } from "./body.ts";
import { type Call, isDryRun, methodNotAllowed, placeOf, served, verbOf } from "./call.ts";
import type { Write, Written } from "./change.ts";
import { remove, removalOf } from "./deletes.ts";
import type { Evictions } from "./eviction.ts";
import { listFor, scopeOf, selected } from "./list.ts";
import { checkOptions } from "./options.ts";
import type { PodDoors } from "./pod-doors.ts";
import { formOf, listOf, oneOf } from "./represent.ts";
import type { Registry } from "./resources.ts";
import { answerRoot } from "./root-paths.ts";
import { patchedScale, scaleOf, withScale } from "./scale.ts";
import { forbidden, notFound, StatusError } from "./status.ts";
import { watchFor } from "./watch.ts";
import { keyOf, type Writes } from "./writes.ts";

export interface House {
  readonly store: MemoryStore;
  readonly registry: Registry;
  readonly users: Users;
  readonly writes: Writes;
  readonly evictions: Evictions;
  readonly bookmarkSeconds: number;
  readonly doors: () => PodDoors | undefined;
  readonly address: () => string;
}

export async function handle(
  house: House,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const user = house.users.of(request.headers.authorization);
    const url = new URL(request.url ?? "/", "http://test-cluster");
    const call = callOf(house, request, url, user);
    if (call === undefined) {
      visit(house, user, url, request);
      if (!answerRoot(house, request, url, response)) sendText(response, 404, "404 page not found\n");
      return;
    }
    await answer(house, call, request, response);
  } catch (error) {
    sendError(response, error);
  }
}

/** exec, attach and port-forward come as upgrades: the same checks, another way out. */
export async function handleUpgrade(
  house: House,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  try {
    const url = new URL(request.url ?? "/", "http://test-cluster");
    const user = house.users.of(request.headers.authorization);
    const call = callOf(house, request, url, user);
    if (call !== undefined) mayOpen(house, user, call);
    const doors = house.doors();
    if (call?.resource.id !== "pods" || call.sub === undefined || doors === undefined) {
      throw new StatusError(400, "BadRequest", "this cluster has no nodes: nothing can be upgraded");
    }
    await doors.upgrade({ ...podCall(house, call, request), sub: call.sub.name }, socket, head);
  } catch (error) {
    const status = statusOf(error);
    const body = JSON.stringify(status.body());
    const headers = [
      `HTTP/1.1 ${status.code} ${status.reason}`,
      "content-type: application/json",
      `content-length: ${Buffer.byteLength(body)}`,
      "connection: close",
    ];
    socket.end(`${headers.join("\r\n")}\r\n\r\n${body}`);
  }
}

/** A GET that opens a WebSocket into a pod needs the right to create it as well, since 1.35. */
function mayOpen(house: House, user: User, { resource, sub, namespace, name }: Call): void {
  const { group, version, plural } = resource;
  const of = { group, version, namespace, name };
  const asked = { ...of, resource: plural, subresource: sub?.name ?? "", verb: "create" };
  if (!mayDo(house.store, user, asked)) throw denied(user, asked);
}

function callOf(house: House, request: IncomingMessage, url: URL, user: User): Call | undefined {
  const place = placeOf(url.pathname);
  if (place === undefined) return undefined;
  const method = request.method ?? "GET";
  const verb = verbOf(method, place, url.searchParams);
  const asked = { ...place, resource: place.plural, subresource: place.sub, verb };
  if (!mayDo(house.store, user, asked)) throw denied(user, asked);
  const { resource, sub } = served(house.registry, place);
  const { namespace, name } = place;
  const headers = {
    accept: request.headers.accept ?? "",
    contentType: request.headers["content-type"] ?? "",
    userAgent: request.headers["user-agent"] ?? "",
  };
  return { user, method, verb, resource, sub, namespace, name, query: url.searchParams, ...headers };
}

function denied(user: User, asked: Parameters<typeof mayDo>[2]): StatusError {
  const what = asked.subresource === "" ? asked.resource : `${asked.resource}/${asked.subresource}`;
  const where = asked.namespace === "" ? "at the cluster scope" : `in the namespace "${asked.namespace}"`;
  const of = `resource "${what}" in API group "${asked.group}"`;
  const why = `User "${user.name}" cannot ${asked.verb} ${of} ${where}`;
  return forbidden({ group: asked.group, plural: asked.resource, kind: "" }, asked.name, why);
}

function visit(house: House, user: User, url: URL, request: IncomingMessage): void {
  const verb = (request.method ?? "GET").toLowerCase();
  if (mayVisit(house.store, user, verb, url.pathname)) return;
  const text = `forbidden: User "${user.name}" cannot ${verb} path "${url.pathname}"`;
  throw new StatusError(403, "Forbidden", text, {});
}

async function answer(
  house: House,
  call: Call,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (call.sub !== undefined && !["status", "scale"].includes(call.sub.name)) {
    await answerSub(house, call, request, response);
    return;
  }
  switch (call.verb) {
    case "get":
      sendJson(response, 200, oneOf(call.resource, formOf(call.accept), readOne(house, call)));
      return;
    case "list":
      sendJson(response, 200, await listFor(house.store, call));
      return;
    case "watch":
      watch(house, call, request, response);
      return;
    default:
      await change(house, call, request, response);
  }
}

function readOne(house: House, call: Call): JsonObject {
  const object = house.store.get(keyOf(call, call.name));
  if (object === undefined) throw notFound(call.resource, call.name);
  return call.sub?.name === "scale" ? scaleOf(object) : object;
}

function watch(house: House, call: Call, request: IncomingMessage, response: ServerResponse): void {
  const stop = watchFor(house.store, call, house.bookmarkSeconds, () => {
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-cache, private" });
    response.flushHeaders();
    return { send: (line) => response.write(line), end: () => response.end() };
  });
  request.on("close", stop);
  response.on("close", stop);
}

async function change(
  house: House,
  call: Call,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const sent = await readBody(request);
  if (call.verb === "delete" || call.verb === "deletecollection") {
    sendJson(response, 200, removed(house, call, optionsIn(sent, call.contentType)));
    return;
  }
  checkOptions(call);
  const warnings: string[] = [];
  const write = writeOf(call, (warning) => warnings.push(warning));
  const { created, object } = written(house, call, write, sent);
  const form = formOf(call.accept);
  sendJson(response, created ? 201 : 200, oneOf(call.resource, form, object), warningHeader(warnings));
}

function written(house: House, call: Call, write: Write, sent: Buffer): Written {
  const { writes } = house;
  if (call.verb === "create") {
    if (call.name !== "" && call.sub === undefined && call.resource.id !== "namespaces")
      throw methodNotAllowed();
    const body = objectIn(sent, call.contentType, call.resource);
    if (isReview(call)) return { created: true, object: review(house.store, house.users, call, body) };
    return writes.create(write, body);
  }
  if (call.name === "") throw methodNotAllowed();
  if (call.sub?.name === "scale") return scaled(house, call, write, sent);
  if (call.verb === "update") {
    const body = objectIn(sent, call.contentType, call.resource);
    return writes.update(write, body);
  }
  return writes.patch(write, patchKindOf(call.contentType), sent.toString("utf8"));
}

function scaled(house: House, call: Call, write: Write, sent: Buffer): Written {
  const before = house.store.get(keyOf(call, call.name));
  if (before === undefined) throw notFound(call.resource, call.name);
  const asked =
    call.verb === "update"
      ? objectIn(sent, call.contentType, { kind: "Scale" })
      : patchedScale(before, patchKindOf(call.contentType), sent.toString("utf8"));
  const { object } = house.writes.update(write, withScale(before, asked));
  const made = house.store.get(keyOf(call, call.name)) ?? before;
  return {
    created: false,
    object: scaleOf({ ...made, ...(write.dryRun ? { spec: objectAt(object, "spec") } : {}) }),
  };
}

function writeOf(call: Call, warn: (text: string) => void): Write {
  const apply = call.contentType.startsWith("application/apply-patch");
  const named = call.query.get("fieldManager") ?? "";
  return {
    user: call.user,
    resource: call.resource,
    sub: call.sub?.name ?? "",
    namespace: call.namespace,
    name: call.name,
    // As a real server does: who names no manager is known by the first word of its user agent.
    manager: named !== "" || apply ? named : (call.userAgent.split("/")[0] ?? ""),
    dryRun: isDryRun(call.query),
    force: call.query.get("force") === "true",
    fieldValidation: call.query.get("fieldValidation") ?? "Warn",
    warn,
  };
}

function removed(house: House, call: Call, body: JsonObject): JsonObject {
  const removal = removalOf(body, call.query);
  if (call.verb === "delete") return remove(house.store, call.resource, keyOf(call, call.name), removal);
  const matches = selected(call);
  const found = house.store.list(call.resource.id, scopeOf(call)).filter(matches);
  for (const one of found) {
    const namespace = textAt(one, "metadata", "namespace") ?? "";
    remove(house.store, call.resource, keyOf({ ...call, namespace }, one.metadata.name), removal);
  }
  return listOf(call.resource, "whole", { resourceVersion: String(house.store.version) }, found);
}

function podCall(house: House, call: Call, request: IncomingMessage) {
  const { namespace, name, query } = call;
  return { namespace, name, query, request, pod: house.store.get(keyOf(call, name)) };
}

async function answerSub(
  house: House,
  call: Call,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const sub = call.sub?.name ?? "";
  if (call.resource.id === "pods" && ["log", "exec", "attach", "portforward"].includes(sub)) {
    const doors = house.doors();
    const pod = podCall(house, call, request);
    if (doors === undefined) throw new StatusError(500, "InternalError", "this cluster has no nodes");
    if (sub === "log") await doors.log(pod, response);
    else await doors.plain({ ...pod, sub }, response);
    return;
  }
  const sent = await readBody(request);
  const body = optionsIn(sent, call.contentType);
  if (sub === "token") {
    sendJson(response, 201, tokenFor(house.store, house.users, call, body));
  } else if (sub === "eviction") {
    sendJson(response, 201, house.evictions.evict(call, body));
  } else if (sub === "finalize" && call.verb === "update") {
    const write = writeOf(call, () => undefined);
    const { object } = house.writes.update(write, body);
    sendJson(response, 200, object);
  } else {
    send(response, 405, JSON.stringify(methodNotAllowed().body()), { "content-type": "application/json" });
  }
}
