/** A model call as the runner gets it, references resolved: the only place where a key meets a client. */
import type { JsonObject, ModelRequest } from "@agentflow/protocol";

export interface ModelCall {
  readonly kind: "model";
  /** The name under `models`. */
  readonly name: string;
  readonly model: ResolvedModel;
  readonly request: ModelRequest;
  readonly run: string;
  readonly workflow: string;
  readonly step: string;
  readonly attempt: number;
  /** Number of the model call within the step. */
  readonly n: number;
  readonly callId: string;
  readonly trace?: string;
  readonly traceparent?: string;
}

export interface ResolvedModel {
  readonly provider: string;
  readonly model: string;
  readonly baseUrl?: string;
  readonly apiKey?: string;
  readonly options?: JsonObject;
  /** Relative to the project, for the provider `scripted`. */
  readonly script?: string;
  readonly timeoutMs: number;
}
