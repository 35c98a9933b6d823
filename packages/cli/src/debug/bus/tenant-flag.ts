import { Flags } from "../../flags.ts";

export const tenantFlag = Flags.string({
  description: "of this tenant (scope operator; all of them when left out)",
  helpValue: "TENANT",
});

export const bytesFlag = Flags.integer({
  description: "show so many of each record",
  default: 2_000,
  min: 0,
  max: 65_536,
  helpValue: "N",
});
