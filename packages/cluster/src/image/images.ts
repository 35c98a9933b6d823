/** Which images an installation is made of, by reference. */
export interface Images {
  readonly nats: string;
  readonly controlPlane: string;
  /** The project's own: the worker image with the project's code above it. */
  readonly worker: string;
}

/** What the Dockerfiles are built on unless the target or AF_BASE_IMAGE says otherwise. */
export const defaultImages = { base: "node:24-slim", nats: "nats:2.15-alpine" } as const;

/** Told while something is built, pulled or waited for. */
export interface Progress {
  /** A stage of the work begins. */
  step(text: string): void;
  /** A line of what a tool prints; control characters are still in it. */
  line(text: string): void;
}
