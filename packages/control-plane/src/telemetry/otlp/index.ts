/** A run's spans, and spans as OTLP has them: for whoever exports them by hand. */
export { exportBody, waitingSpan } from "./payload.ts";
export { runSpans } from "./run-spans.ts";
