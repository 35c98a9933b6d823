/** The operations of the local socket, by number. A number is never given to another one. */
export const protocolVersion = 1;

export const operation = {
  // Both ways.
  /** To the owner [version, token, session, holder]; back [version, epoch, durability]. */
  hello: 1,
  /** The good answer to the request of this id; its facts are the operation's own. */
  done: 2,
  /** The bad answer: an error body. */
  failed: 3,
  /** The last message: an error body that says why. */
  bye: 4,

  // Log.
  append: 10,
  read: 11,
  head: 12,
  purge: 13,
  /** Opens stream `id`: [filters, after]. Each `next` asks for one batch, answered by `done`. */
  tail: 14,
  /** [prefix, place or ""]; answered [subjects, place or ""]. */
  subjects: 15,

  // Table.
  get: 20,
  put: 21,
  delete: 22,
  list: 23,
  watch: 24,

  // Streams (tail and watch): [stream].
  next: 30,
  end: 31,

  // Queue.
  push: 40,
  take: 41,
  /** [take, unseen ids] */
  stopTaking: 42,
  ack: 43,
  release: 44,
  extend: 45,
  bury: 46,
  revoke: 47,
  depth: 48,
  epoch: 52,
  /** [take, task, delivery] */
  reporting: 53,
  /** [subject or prefix, limit]; answered [[id, subject, state, holder, deliveries], ...] and a body each. */
  peek: 54,
  /** To the client: [take, task, subject, delivery] and the body. */
  delivered: 49,
  /** To the client: [take, task, delivery, subject]: a resumed task is its own again. */
  resumed: 50,
  /** To the client: [take, task]. */
  lost: 51,

  // Wire.
  request: 60,
  /** [subject]; the id is that of the server. */
  serve: 61,
  stopServing: 62,
  /** To the client: [server, subject], a request with an id of the owner's; answered by done or failed. */
  call: 63,
  publish: 64,
  subscribe: 65,
  unsubscribe: 66,
  /** To the client: [subscription, subject, dropped before it]. */
  message: 67,

  // Blobs: in parts, base64.
  /** [upload, key, isFirst, isLast] and a part. */
  putBlob: 70,
  /** [key, from]; answered [size] and a part. */
  getBlob: 71,
  deleteBlob: 72,
  listBlobs: 73,
} as const;

export const socketLimits = {
  /** Written and not taken by the other side: above this it is cut off. */
  bytesUnread: 64 * 1024 * 1024,
  /** Requests of one client that are worked on at once; above this nothing more is read from it. */
  requestsOpen: 10_000,
  helloMs: 5_000,
  helloBytesMax: 64 * 1024,
  blobPartBytes: 3 * 1024 * 1024,
  /** Blobs of several parts that one client sends at once; further ones of it wait for their turn. */
  uploadsOpen: 4,
  pageCharacters: 1024 * 1024,
  connectionsMax: 1_000,
} as const;
