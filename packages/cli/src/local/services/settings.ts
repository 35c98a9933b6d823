/** The settings of the services: what host, control plane and worker read anywhere, and where the bus is. */

export async function serverSettings() {
  const [host, { controlPlaneSettings }] = await Promise.all([
    import("@agentflow/host/settings"),
    import("@agentflow/control-plane/settings"),
  ]);
  const { busOwnerSettings, hostSettings, settings, text, textOr, whole } = host;
  return settings({
    log: hostSettings.log.omit({ format: true }),
    stopMs: whole(10_000, { about: "time for an orderly end", min: 0, max: 600_000 }),
    node: text("its name among its peers; made of the machine's and the state's when left out"),
    state: textOr("./agentflow-server", "folder of the read model and of the first token"),
    build: textOr("dev", "the build that new runs ask of their workers"),
    bus: busOwnerSettings,
    ...controlPlaneSettings,
  });
}

export async function workerServiceSettings() {
  const [host, { workerSettings }] = await Promise.all([
    import("@agentflow/host/settings"),
    import("@agentflow/runtime/settings"),
  ]);
  const { busSettings, hostSettings, port, settings, text, textOr, whole } = host;
  return settings({
    log: hostSettings.log.omit({ format: true }),
    stopMs: whole(30_000, { about: "time for work in flight at SIGTERM", min: 0, max: 3_600_000 }),
    bus: busSettings,
    health: settings({
      host: textOr("127.0.0.1", "address of /livez and /readyz"),
      port: port("of /livez and /readyz; none when left out"),
    }),
    worker: settings({
      ...workerSettings,
      name: text("made from the machine's name and the process id when left out"),
      tenant: textOr("default", "whose tasks it takes"),
      pool: textOr("default", "the pool whose tasks it takes"),
      build: textOr("dev", "the build whose tasks it takes"),
    }),
  });
}
