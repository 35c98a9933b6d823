/** `POST /v1/bus/check`: a row was written to the bus, read back and taken away again. */
export interface BusCheck {
  readonly writeMs: number;
  readonly readMs: number;
}
