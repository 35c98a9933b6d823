const pattern = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** A W3C trace context, or undefined: a broken one is ignored, as the standard says. */
export function parseTraceparent(text: string | undefined): string | undefined {
  return text !== undefined && pattern.test(text) ? text : undefined;
}
