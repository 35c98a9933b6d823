/**
 * What a key may do. `approvals` answers what people are asked: who starts runs need not be who says yes.
 * `pools:read` counts the tasks of a pool, of the whole installation, and sees nothing else: for a scaler.
 * `admin` is over one tenant and holds all of it. `operator` sees the figures of the whole installation and
 * may have it archive; `tenants` makes keys of any tenant, which is how another tenant begins; `backup` reads
 * all that the installation has, of every tenant.
 */
export const scopes = [
  "runs:read",
  "runs:write",
  "approvals",
  "workflows:write",
  "admin",
  "pools:read",
  "operator",
  "tenants",
  "backup",
] as const;
export type Scope = (typeof scopes)[number];
