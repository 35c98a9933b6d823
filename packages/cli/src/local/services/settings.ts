/** The settings of the services: what host, control plane and worker read anywhere, and where the bus is. */

export async function serverSettings() {
  const [host, { controlPlaneSettings }, { idText }] = await Promise.all([
    import("@agentflow/host/settings"),
    import("@agentflow/control-plane/settings"),
    import("@agentflow/protocol/schema"),
  ]);
  const { busOwnerSettings, hostSettings, settings, text, textOr, whole } = host;
  return settings({
    log: hostSettings.log.omit({ format: true }),
    stopMs: whole(10_000, { about: "time for an orderly end", min: 0, max: 600_000 }),
    node: idText("source")
      .optional()
      .describe("its name among its peers; made of the machine's and the state's when left out"),
    state: textOr("./agentflow-server", "folder of the read model and of the first token"),
    tokenFile: text("file with the first token; one is made in the state folder when left out"),
    build: idText("build").default("dev").describe("the build that new runs ask of their workers"),
    bus: busOwnerSettings,
    ...controlPlaneSettings,
  });
}

export async function workerServiceSettings() {
  const [host, { sandboxSettings, spanSettings, workerSettings }, { idText }] = await Promise.all([
    import("@agentflow/host/settings"),
    import("@agentflow/runtime/settings"),
    import("@agentflow/protocol/schema"),
  ]);
  const { busSettings, hostSettings, port, settings, textOr, whole } = host;
  return settings({
    log: hostSettings.log.omit({ format: true }),
    stopMs: whole(30_000, { about: "time for work in flight at SIGTERM", min: 0, max: 3_600_000 }),
    bus: busSettings,
    telemetry: settings(spanSettings),
    sandbox: settings(sandboxSettings),
    health: settings({
      host: textOr("127.0.0.1", "address of /livez and /readyz"),
      port: port("of /livez and /readyz; none when left out"),
    }),
    worker: settings({
      ...workerSettings,
      name: idText("worker")
        .optional()
        .describe("made from the machine's name and the process id when left out"),
      tenant: idText("tenant").default("default").describe("whose tasks it takes"),
      pool: idText("pool").default("default").describe("the pool whose tasks it takes"),
      build: idText("build").default("dev").describe("the build whose tasks it takes"),
    }),
  });
}

export async function sandboxServiceSettings() {
  const [host, { brokerSettings, sandboxSettings }] = await Promise.all([
    import("@agentflow/host/settings"),
    import("@agentflow/runtime/settings"),
  ]);
  const { hostSettings, settings, whole } = host;
  return settings({
    log: hostSettings.log.omit({ format: true }),
    stopMs: whole(5_000, { about: "time for an orderly end", min: 0, max: 600_000 }),
    sandbox: settings(sandboxSettings),
    most: settings(brokerSettings),
  });
}
