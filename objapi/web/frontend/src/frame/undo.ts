// Whether the user may take requests back, asked once.
import { api } from "./api";

let undoes: Promise<boolean> | null = null;

export function mayUndo(): Promise<boolean> {
  undoes ??= api
    .call("can", { can: "permission:objapi: Undo requests" })
    .then((answer) => (answer as unknown as { objects: { can: { allowed: boolean }[] }[] }).objects[0]?.can[0]?.allowed ?? false)
    .catch(() => false);
  return undoes;
}
