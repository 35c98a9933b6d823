/** What an installation is rendered from. */
import type { Images } from "../image/images.ts";
import type { OpenedTarget } from "./target.ts";

export interface Rendering {
  readonly target: OpenedTarget;
  readonly images: Images;
  /** Release of `af` that renders. */
  readonly version: string;
  /** Names of secrets that the project's code asks for, besides those of agentflow.yaml. */
  readonly secrets?: readonly string[];
  /** Socket of the engine on its machine (/var/run/docker.sock): what `sandbox` is given. */
  readonly engine?: string;
}
