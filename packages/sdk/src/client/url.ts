import { AgentFlowError } from "@agentflow/protocol";
import type { ClientOptions } from "./transport.ts";

/** The API's addresses. Refuses to send a token in the clear to anything but this machine. */
export function checkedUrls({ url, token }: ClientOptions): readonly [URL, ...URL[]] {
  const [first, ...others] = typeof url === "string" ? [url] : url;
  if (first === undefined) throw new AgentFlowError("invalid_input", "the client was given no address");
  return [checkedUrl(first, token), ...others.map((other) => checkedUrl(other, token))];
}

function checkedUrl(text: string, token: string | undefined): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new AgentFlowError("invalid_input", `${JSON.stringify(text)} is not an address`, { cause });
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new AgentFlowError("invalid_input", `${url.protocol} is not http or https`);
  }
  if (url.protocol === "http:" && token !== undefined && !isLoopback(url.hostname)) {
    throw new AgentFlowError("forbidden", `a token does not travel over plain http to ${url.hostname}`, {
      reason: "token_over_http",
      suggestions: ["use https"],
    });
  }
  return url;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127(\.[0-9]{1,3}){3}$/.test(host);
}
