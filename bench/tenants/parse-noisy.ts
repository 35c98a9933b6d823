/** What whoever measures and the noisy tenant's client say to each other. */
export type ToNoisy =
  | {
      readonly kind: "start";
      readonly url: string;
      readonly token: string;
      readonly runs: number;
      readonly inFlight: number;
      readonly hungShare: number;
    }
  | { readonly kind: "cancel"; readonly inFlight: number };

export type FromNoisy =
  | {
      readonly kind: "started";
      readonly accepted: number;
      readonly seconds: number;
      /** By their reason. */
      readonly refused: { readonly [reason: string]: number };
    }
  | {
      readonly kind: "cancelled";
      readonly cancelled: number;
      readonly ended: number;
      readonly seconds: number;
    }
  | { readonly kind: "failed"; readonly why: string };

export function parseToNoisy(raw: unknown): ToNoisy {
  return raw as ToNoisy;
}

export function parseFromNoisy(raw: unknown): FromNoisy {
  return raw as FromNoisy;
}
