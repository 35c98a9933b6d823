/** What people are asked, and their answers. */
import type { ApprovalPage, ApprovalView, DecideBody } from "@agentflow/protocol";
import { queryText } from "./query-text.ts";

export interface ListApprovals {
  /** `open`, `decided`, or the statuses of an approval, with commas between them. */
  readonly status?: string;
  readonly run?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface Approvals {
  /** Newest first. */
  list(query?: ListApprovals): Promise<ApprovalPage>;
  get(approval: string): Promise<ApprovalView>;
  /** By the hash of what was shown: `refused` when something else is asked, or somebody has answered. */
  decide(
    approval: string,
    body: Omit<DecideBody, "input"> & { readonly input?: string },
  ): Promise<ApprovalView>;
}

interface Asking {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  /** An id for an input, made once: retries carry the same. */
  input(): string;
}

export function approvalsOf({ get, post, input }: Asking): Approvals {
  const pathOf = (approval: string): string => `/v1/approvals/${encodeURIComponent(approval)}`;
  return {
    list: (query = {}) => get(`/v1/approvals${queryText({ ...query })}`),
    get: (approval) => get(pathOf(approval)),
    decide: (approval, body) => post(pathOf(approval), { input: input(), ...body }),
  };
}
