/** Loaded by commands that read a backup and open no state. */
export { verifyBackup } from "@agentflow/control-plane/backup";
