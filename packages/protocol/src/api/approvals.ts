/** Approvals over the API: what people are asked, and what they say. */
import type { Shown } from "../agent.ts";
import type { Instant } from "../json.ts";

export const approvalStatuses = ["open", "approved", "denied", "expired", "withdrawn"] as const;
/** `withdrawn`: the run or step ended before anybody answered. */
export type ApprovalStatus = (typeof approvalStatuses)[number];

export interface ApprovalView {
  /** `<run>-<n>`. */
  readonly approval: string;
  readonly run: string;
  readonly workflow: string;
  readonly step: string;
  readonly call?: string;
  readonly status: ApprovalStatus;
  readonly shown: Shown;
  readonly hash: string;
  readonly requestedAt: Instant;
  readonly expiresAt: Instant;
  readonly decidedAt?: Instant;
  readonly by?: string;
  readonly comment?: string;
}

export interface ApprovalPage {
  readonly approvals: readonly ApprovalView[];
  readonly cursor?: string;
}

/** Body of `POST /v1/approvals/{approval}`. */
export interface DecideBody {
  /** Made by the client once; retries carry the same. */
  readonly input: string;
  /** Of what was shown: another hash is refused, and the answer shows what stands there now. */
  readonly hash: string;
  readonly approve: boolean;
  readonly comment?: string;
}
