/** What a write has to know beside the object. */
import type { User } from "../auth/users.ts";
import type { JsonObject } from "../object.ts";
import type { Resource } from "./resources.ts";

export interface Write {
  readonly user: User;
  readonly resource: Resource;
  /** Empty, or the subresource through which is written: `status`, `scale`. */
  readonly sub: string;
  readonly namespace: string;
  readonly name: string;
  /** Who owns the fields afterwards. */
  readonly manager: string;
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly fieldValidation: string;
  /** Called with each warning, which becomes a header of the answer. */
  readonly warn: (text: string) => void;
}

export interface Written {
  readonly created: boolean;
  readonly object: JsonObject;
}
