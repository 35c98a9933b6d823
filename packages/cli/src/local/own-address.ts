/** Where this machine reaches what listens here: what listens on all addresses is on loopback too. */
export function ownAddress(url: string): string {
  const at = new URL(url);
  if (at.hostname === "0.0.0.0") at.hostname = "127.0.0.1";
  if (at.hostname === "[::]") at.hostname = "[::1]";
  return at.origin;
}
