/** Logs: structured, bounded, without secrets; and the batches in which telemetry leaves a process. */
export { type BatchInfo, type Batcher, type BatcherOptions, createBatcher } from "./batcher.ts";
export { logLimits } from "./clean.ts";
export { type Correlation, createLog, type Fields, type Levels, type Log, type LogOptions } from "./log.ts";
export { createNumbering, type Numbering, numbered } from "./numbering.ts";
export {
  asText,
  type EncodeOptions,
  encodeTelemetry,
  type LineMeta,
  type Output,
  sizeOfLine,
  type TenantLine,
  toBatcher,
  toSink,
} from "./outputs.ts";
export { redactRecord } from "./redact-record.ts";
export {
  createSecrets,
  isSecretKey,
  maskedLengthMin,
  redacted,
  redactFields,
  redactJson,
  redactNumber,
  type Secrets,
  type StreamRedactor,
} from "./secrets.ts";
export { escapeControls, formatText } from "./text.ts";
