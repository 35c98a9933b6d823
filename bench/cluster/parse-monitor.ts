/** The leader of a stream in an answer of `/jsz`; undefined when it tells of none. */
export function parseLeader(text: string, stream: string): string | undefined {
  const answer = JSON.parse(text) as Jsz;
  const streams = (answer.account_details ?? []).flatMap((account) => account.stream_detail ?? []);
  return streams.find(({ name }) => name === stream)?.cluster?.leader;
}

interface Jsz {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly {
      readonly name: string;
      readonly cluster?: { readonly leader?: string };
    }[];
  }[];
}
