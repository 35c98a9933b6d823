/** Changes of a cluster as it tells them: one line of JSON each, until it ends. */
import type { Json, JsonObject } from "@agentflow/protocol";
import type * as ClientNode from "@kubernetes/client-node";
import type { PromiseHttpLibrary, RequestContext } from "@kubernetes/client-node";
import type { ClusterWatching } from "../cluster.ts";
import { parseAnswer } from "./parse-answer.ts";

export interface WatchSending {
  readonly client: typeof ClientNode;
  readonly library: PromiseHttpLibrary;
  readonly server: string;
  readonly authenticate: (context: RequestContext) => Promise<void>;
}

/** A line may be one object, as large as etcd keeps them; more than this is no such server. */
const lineCharsMax = 8 * 1024 * 1024;

/** What is no object is passed over. Throws what the client throws, untranslated. */
export async function* watchLines(
  { client, library, server, authenticate }: WatchSending,
  { path, query, signal }: ClusterWatching,
): AsyncGenerator<JsonObject> {
  const context = new client.RequestContext(`${server}${path}`, client.HttpMethod.GET);
  context.setHeaderParam("Accept", "application/json");
  for (const [name, value] of Object.entries({ ...query, watch: "true" })) context.setQueryParam(name, value);
  await authenticate(context);
  context.setSignal(signal);
  const response = await library.send(context);
  const { httpStatusCode, headers, body } = response;
  if (httpStatusCode !== 200)
    throw new client.ApiException(httpStatusCode, "the cluster refused", await body.text(), headers);
  for await (const line of linesOf(body.stream())) {
    const value = parseAnswer(line);
    if (isObject(value)) yield value;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array> | null): AsyncGenerator<string> {
  if (stream === null) return;
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
    if (rest.length > lineCharsMax) throw new Error("a line of a watch is too long");
  }
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
