/**
 * Where the keeper of a folder's engine is asked. The name lives outside the file system, so it is taken by
 * one process at a time and is gone with it, also after a kill -9.
 */
export function keeperDoor(folder: string): string {
  return `\0agentflow-test-engine:${folder}`;
}
