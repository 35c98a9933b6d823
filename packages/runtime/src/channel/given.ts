/** What a worker in a container is given beside its settings: never by argument, environment or image. */
export interface Given {
  /** Values of the project's secrets, by name. */
  readonly secrets: { readonly [name: string]: string };
  /** What `env://NAME` stands for. */
  readonly variables: { readonly [name: string]: string };
}

/** Streams between a worker in a container and whoever started it, by name. */
export const streamNames = {
  /** The channel of a supervisor. */
  control: "control",
  /** A connection to the bus. */
  bus: "bus",
  /** JSON of what the worker is given; closed once it is in force. */
  given: "given",
  /** `port:9229`: a connection to a port of the container's own loopback. */
  port: "port:",
} as const;
