/** How a model call failed, in our codes. */
import type { Failure, Json, ModelFailureCode } from "@agentflow/protocol";

export class ModelError extends Error {
  readonly code: ModelFailureCode;
  readonly details: { readonly [key: string]: Json };

  constructor(
    code: ModelFailureCode,
    message: string,
    options: { readonly details?: { readonly [key: string]: Json }; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  toFailure(about: string): Failure {
    const details = Object.keys(this.details).length === 0 ? {} : { details: this.details };
    return { code: this.code, message: `${about}: ${this.message}`, ...details };
  }
}
