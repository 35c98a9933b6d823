/** What a nats-server's monitoring port says of its streams. */
export interface StreamFacts {
  readonly name: string;
  readonly messages: number;
  readonly bytes: number;
  readonly subjects: number;
  readonly deleted: number;
}

export interface JetStreamFacts {
  readonly memoryBytes: number;
  readonly storageBytes: number;
  readonly streams: readonly StreamFacts[];
}

interface Stream {
  readonly name?: string;
  readonly state?: {
    readonly messages?: number;
    readonly bytes?: number;
    readonly num_subjects?: number;
    readonly num_deleted?: number;
  };
}

interface Jsz {
  readonly memory?: number;
  readonly storage?: number;
  readonly account_details?: readonly { readonly stream_detail?: readonly Stream[] }[];
}

/** The text of `/jsz?streams=true`; what it leaves out is 0. */
export function parseJetStream(text: string): JetStreamFacts {
  const { memory = 0, storage = 0, account_details: accounts = [] } = JSON.parse(text) as Jsz;
  const streams = accounts.flatMap(({ stream_detail: all = [] }) =>
    all.map(({ name = "", state = {} }) => ({
      name,
      messages: state.messages ?? 0,
      bytes: state.bytes ?? 0,
      subjects: state.num_subjects ?? 0,
      deleted: state.num_deleted ?? 0,
    })),
  );
  return { memoryBytes: memory, storageBytes: storage, streams };
}
