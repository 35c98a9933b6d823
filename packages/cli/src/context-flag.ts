/** `--context NAME`, the same on every command that speaks to an installation. */
import { Flags } from "./flags.ts";

export const contextFlag = Flags.string({
  description:
    "the installation, by its name in af context list, or k8s:CONTEXT/NAMESPACE " +
    "(default: AF_CONTEXT, else the one in use)",
  helpValue: "NAME",
  helpGroup: "GLOBAL",
});
