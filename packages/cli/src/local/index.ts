export { openBackup, saveBackup, verifyFile } from "./backup-file.ts";
export { runDev } from "./become.ts";
export { readState, restoreState } from "./state.ts";
