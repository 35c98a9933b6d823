import type { DockerSettings } from "../../model/target.ts";

/** What is examined for: as much of a target as an engine is asked about. */
export interface ExaminedTarget {
  readonly project: string;
  readonly name: string;
  readonly settings: Pick<DockerSettings, "images" | "api" | "controlPlanes" | "workers" | "nats" | "limits">;
}
