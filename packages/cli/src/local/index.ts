export { openBackup, type SavedBackup, saveBackup } from "./backup-file.ts";
export { runDev } from "./become.ts";
export { readState, restoreState } from "./state.ts";
