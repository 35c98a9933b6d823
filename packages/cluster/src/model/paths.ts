/** Where things stand in the containers. Images make the folders, so that their volumes belong to `user`. */
export const paths = {
  /** The project's code, of the worker's image. */
  project: "/srv/project",
  /** Where the project's tools leave files: one volume that all workers share. */
  files: "/srv/files",
  secrets: "/run/secrets",
  /** Identities, and what else a part is given before it starts; read-only. */
  keys: "/etc/agentflow/keys",
  /** The broker of sandboxes listens there; only it and workers have the folder. */
  sandbox: "/run/agentflow-sandbox",
  /** The engine's own socket, in the broker alone. */
  engine: "/run/engine.sock",
  /** Data of a nats-server. */
  natsData: "/var/lib/nats",
  /** State of a control plane. */
  state: "/var/lib/agentflow",
  /** The job that makes all of them has each at a place of its own. */
  prepare: {
    root: "/prepare",
    /** Where they are Secrets of a cluster, the files are there only while it runs. */
    scratch: "/tmp/prepare",
    nats: "/prepare/nats",
    controlPlane: "/prepare/control-plane",
    worker: "/prepare/worker",
    register: "/prepare/register",
    /** Never written by it: with the first mount a volume becomes the user's. */
    data: ["/prepare/data/1", "/prepare/data/2", "/prepare/data/3", "/prepare/data/4", "/prepare/data/5"],
  },
} as const;

/** Folders that the image of the control plane holds, empty, owned by `user`; the worker's holds the last. */
export const imageFolders: readonly string[] = [
  paths.prepare.nats,
  paths.prepare.controlPlane,
  paths.prepare.worker,
  paths.prepare.register,
  ...paths.prepare.data,
  paths.state,
  paths.secrets,
  paths.files,
];
