/** Follows one run over a socket of its own, and keeps what it heard. */
import { createClient } from "@agentflow/sdk/client";
import { cuttable } from "./cuttable.ts";

export interface Heard {
  readonly run: string;
  /** The text as its pieces came, one behind the other. */
  readonly text: string;
  /** From when the worker told a piece to when it was here, in milliseconds. */
  readonly delaysMs: readonly number[];
  readonly pieces: number;
  readonly cuts: number;
  /** A piece that did not join on to the one before. */
  readonly gaps: number;
}

export interface FollowOptions {
  readonly url: string;
  readonly token: string;
  readonly run: string;
  /** Milliseconds to the next cut; never when it gives nothing. */
  readonly nextCutMs: () => number | undefined;
}

/** Resolves with the run's end. */
export async function followSpeech({ url, token, run, nextCutMs }: FollowOptions): Promise<Heard> {
  const way = await cuttable(url);
  const client = createClient({ url: way.url, token, retryForMs: 60_000 });
  const session = client.session();
  const delaysMs: number[] = [];
  let [text, pieces, cuts, gaps] = ["", 0, 0, 0];
  let timer: NodeJS.Timeout | undefined;
  const later = (): void => {
    const ms = nextCutMs();
    if (ms === undefined) return;
    timer = setTimeout(() => {
      if (way.cut() > 0) cuts++;
      later();
    }, ms);
  };
  later();
  try {
    for await (const item of session.follow(run, { live: true })) {
      if (item.kind !== "text") continue;
      if (item.from !== text.length) gaps++;
      text += item.text;
      pieces++;
      delaysMs.push(Date.now() - Date.parse(item.at));
    }
  } finally {
    clearTimeout(timer);
    session.close();
    client.close();
    way.close();
  }
  return { run, text, delaysMs, pieces, cuts, gaps };
}
