/** Whether a control plane answers at all: one that hangs keeps its connections open and says nothing. */
import http from "node:http";
import https from "node:https";
import { setTimeout as delay } from "node:timers/promises";

/** Asked for its health it has so long. */
const answerMs = 2_500;
const askEveryMs = 1_000;

/** Whether any of them does. */
export async function someAnswers(urls: readonly string[], signal: AbortSignal): Promise<boolean> {
  const heard = new AbortController();
  const within = AbortSignal.any([signal, heard.signal]);
  const asked = urls.map(async (url) => {
    if (!(await answersAt(url, within))) throw new Error(`no answer from ${url}`);
  });
  const isHeard = await Promise.any(asked).then(
    () => true,
    () => false,
  );
  // The others need not be waited for.
  heard.abort();
  return isHeard;
}

/** Any answer is one. */
function answersAt(url: string, signal: AbortSignal): Promise<boolean> {
  const { request } = url.startsWith("https:") ? https : http;
  return new Promise((resolve) => {
    const within = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
    const sent = request(new URL("/livez", url), { agent: false, signal: within }, (response) => {
      response.resume();
      response.on("error", () => undefined);
      resolve(true);
    });
    sent.on("error", () => resolve(false));
    sent.end();
  });
}

export interface Watching {
  /** Performance time at which something was last heard: then nothing needs to be asked. */
  readonly heardMs: () => number;
  readonly answers: (signal: AbortSignal) => Promise<boolean>;
  readonly signal: AbortSignal;
  /** It is silent and does not answer, or does again. */
  readonly onSilent: (isSilent: boolean) => void;
}

/** Until the signal. */
export async function watchAnswers({ heardMs, answers, signal, onSilent }: Watching): Promise<void> {
  while (!signal.aborted) {
    await delay(askEveryMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const wasHeard = performance.now() - heardMs() < askEveryMs;
    const isThere = wasHeard || (await answers(signal));
    if (!signal.aborted) onSilent(!isThere);
  }
}
