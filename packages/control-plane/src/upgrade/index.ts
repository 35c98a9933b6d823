/** Before a control plane of this release takes over: see `checkHistories`. */
export { type CheckOptions, checkHistories } from "./check-histories.ts";
export type { HistoriesReport, HistoryFinding } from "./report.ts";
