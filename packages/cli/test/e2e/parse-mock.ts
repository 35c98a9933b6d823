/** The door for what `af mock-llm` says. */
export interface Listening {
  readonly url: string;
  readonly baseUrls: { readonly [provider: string]: string };
}

export interface MockCall {
  readonly n: number;
  readonly dialect: string;
  readonly model: string;
  readonly key: string;
  readonly outcome: string;
  readonly status: number;
  readonly rule?: string;
  readonly why?: string;
  readonly message?: string;
}

export interface Calls {
  readonly calls: readonly MockCall[];
}

export function parseListening(line: string): Listening {
  return JSON.parse(line) as Listening;
}

export function parseCalls(text: string): Calls {
  return JSON.parse(text) as Calls;
}

/** What a command prints with `--json`, as far as tests look at it. */
export interface Printed {
  readonly data: {
    readonly run: string;
    readonly status: string;
    readonly failure?: { readonly code: string; readonly details?: { readonly approval?: string } };
    readonly records?: readonly object[];
  };
}

export function parsePrinted(text: string): Printed {
  return JSON.parse(text) as Printed;
}
