/**
 * A request of a model holds a key and a conversation. It goes to the address that the project names and to
 * no other: when an answer points elsewhere, only a client's well-known headers would be left out on the way,
 * not the ones in which most providers want their keys.
 */
import { ModelError } from "./model-error.ts";

export const fetchHere: typeof fetch = async (input, init) => {
  const response = await fetch(input, { ...init, redirect: "manual" });
  const { status, headers } = response;
  if (status < 300 || status >= 400) return response;
  await response.body?.cancel().catch(() => undefined);
  const host = URL.parse(headers.get("location") ?? "", response.url)?.host ?? "another address";
  throw new ModelError(
    "model_bad_request",
    `it answered ${status} and points to ${host.slice(0, 200)}, where neither key nor messages are sent; ` +
      "write the address that is meant as baseUrl in agentflow.yaml",
  );
};
