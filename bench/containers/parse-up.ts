/** What `af up --json` says of the images that it took. */
export interface UpAnswer {
  readonly images: { readonly nats: string; readonly controlPlane: string; readonly worker: string };
}

export function parseUp(text: string): UpAnswer {
  return (JSON.parse(text) as { readonly data: UpAnswer }).data;
}
