/** Where the bus is and who comes to it: what every service on a network bus reads. */
import { z } from "zod";

const path = z.string().min(1).optional();

export const busSettings = z.object({
  servers: z
    .array(z.string().min(1))
    .default(["nats://127.0.0.1:4222"])
    .describe("nats://host:port, several for a cluster"),
  nkey: path.describe("file with the seed of an NKey"),
  creds: path.describe("credentials file of a JWT account"),
  user: z.string().min(1).optional().describe("user name, with passwordFile"),
  passwordFile: path.describe("file with the password of the user"),
  inbox: z.string().min(1).optional().describe("prefix of answers: what the identity may listen to"),
});

/** What only a control plane says, and what is fixed when the installation is made. */
export const busOwnerSettings = busSettings.extend({
  replicas: z
    .number()
    .refine((copies) => [1, 3, 5].includes(copies), { error: "takes 1, 3 or 5" })
    .default(1)
    .describe("copies of each stream: 1, 3 or 5"),
  logs: z
    .number()
    .int()
    .min(1)
    .max(8)
    .optional()
    .describe("logs side by side, 1 to 8, for ever; what the installation has, or 1, when left out"),
  archiver: path.describe("file with the seed of the NKey that alone removes ended runs and blobs"),
  archiverInbox: z.string().min(1).default("_AF.archiver").describe("prefix of the archiver's answers"),
  monitor: z.string().optional().describe("http://host:8222: asked once how durable the server is"),
});

export type BusSettings = z.infer<typeof busSettings>;
