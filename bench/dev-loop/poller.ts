/** Knocks at the API all the time, each time on a new connection, and counts the doors that stayed shut. */
import http from "node:http";

export interface Poller {
  readonly asked: number;
  /** By error code: refused, reset. */
  readonly failed: { readonly [code: string]: number };
  stop(): void;
}

export function startPoller(url: string, everyMs = 20): Poller {
  const failed: Record<string, number> = {};
  let asked = 0;
  const timer = setInterval(() => {
    asked++;
    const request = http.get(new URL("/livez", url), { agent: false }, (response) => response.resume());
    request.on("error", (error: NodeJS.ErrnoException) => {
      const code = error.code ?? "unknown";
      failed[code] = (failed[code] ?? 0) + 1;
    });
  }, everyMs);
  return {
    get asked() {
      return asked;
    },
    failed,
    stop: () => clearInterval(timer),
  };
}
