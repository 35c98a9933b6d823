/** The secrets that this machine knows, hidden in text that nobody has looked through. */
export async function openMasks(projectDir: string): Promise<(text: string) => string> {
  const { openSecrets } = await import("@agentflow/host/secrets");
  const { hidden } = openSecrets({ projectDir, environment: process.env });
  return (text) => hidden.redact(text);
}
