/** Objects as YAML that tools of both versions of YAML read alike: `on` is quoted, and so is 1:2. */
import { stringify } from "yaml";

export function objectYaml(object: object): string {
  return stringify(object, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });
}
