/** The secrets that one `af dev` knows: to hide them in its own lines, and to say when they change. */
import type { SecretStore } from "@agentflow/host/secrets";
import type { SecretsChange } from "./screen.ts";

export interface DevSecrets {
  readonly store: SecretStore;
  stop(): void;
}

export async function openDevSecrets(
  projectDir: string,
  onChange: (change: SecretsChange) => void,
): Promise<DevSecrets> {
  const [{ openSecrets }, { systemTimers }] = await Promise.all([
    import("@agentflow/host/secrets"),
    import("@agentflow/host/system"),
  ]);
  const store: SecretStore = openSecrets({
    projectDir,
    environment: process.env,
    onChange(files) {
      const own = files.filter((file) => file !== "agentflow.yaml");
      if (own.length === 0) return;
      onChange({ files: own, names: store.list().map(({ name }) => name), faults: store.faults() });
    },
  });
  return { store, stop: store.watch(systemTimers) };
}
