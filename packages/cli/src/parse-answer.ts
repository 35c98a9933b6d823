import { AgentFlowError, type ErrorBody, fromErrorBody } from "@agentflow/protocol";

/** What the operations on keys and the audit trail answer; each has some of these. */
export interface Answer {
  readonly key?: string;
  readonly view?: KeyView;
  readonly items?: readonly KeyView[];
  readonly revoked?: string;
  readonly records?: readonly AuditItem[];
  readonly next?: number;
}

export interface AuditItem {
  readonly at: string;
  readonly by: string;
  readonly did: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly to?: string;
  readonly worker?: string;
  /** As a model wrote it. */
  readonly tool?: string;
  readonly tenant?: string;
  readonly leftOut?: number;
}

export interface KeyView {
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly scopes: readonly string[];
  readonly createdAt?: string;
  readonly expiresAt?: string;
}

type Envelope =
  | { readonly ok: true; readonly data: Answer }
  | { readonly ok: false; readonly error: ErrorBody }
  | { readonly ok: undefined };

/** The data of an answer; throws its error, or `internal` when it is not one of our API. */
export function parseAnswer(text: string, origin: string, version?: string): Answer {
  const envelope = envelopeOf(text);
  if (envelope.ok === true) return envelope.data;
  if (envelope.ok === false) {
    const { error } = envelope;
    const details = version === undefined ? {} : { serverVersion: version };
    throw fromErrorBody({ ...error, details: { ...error.details, ...details } });
  }
  throw new AgentFlowError("internal", `${origin} did not answer as an installation does`, {
    reason: "foreign_answer",
  });
}

function envelopeOf(text: string): Envelope {
  try {
    const value = JSON.parse(text) as Envelope | null;
    return value ?? { ok: undefined };
  } catch {
    return { ok: undefined };
  }
}
