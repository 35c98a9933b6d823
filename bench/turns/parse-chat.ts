/** What our runner sends to a chat completion, as far as the model of the matrix reads it. */
export interface ChatRequest {
  readonly run: string;
  /** Replies that the messages already hold. */
  readonly replies: number;
  readonly stream: boolean;
}

/** The run's id stands in the first message that a person would have written. */
export function parseChat(text: string): ChatRequest | undefined {
  const body = JSON.parse(text) as {
    readonly stream?: unknown;
    readonly messages?: readonly { readonly role?: unknown; readonly content?: unknown }[];
  };
  const messages = body.messages ?? [];
  const run = /r[0-9a-hjkmnp-tv-z]{26}/.exec(JSON.stringify(messages))?.[0];
  if (run === undefined) return undefined;
  const replies = messages.filter(({ role }) => role === "assistant").length;
  return { run, replies, stream: body.stream === true };
}
