// The object of the page: its values, its type, and reading it anew.
import { signal } from "@preact/signals";
import type { ObjectRead, Page } from "../../objapi";
import { api, asking } from "../../frame/api";
import { first } from "../../frame/data";
import type { TypeDescription } from "./description";

export const type = first<{ type: TypeDescription }>("type")?.type;
export const object = signal<ObjectRead | undefined>(first<Page>("read")?.objects[0]);

/** The object as it is now. */
export async function readAnew(): Promise<ObjectRead | undefined> {
  const here = object.value;
  if (!here || !type) return here;
  const expand = type.fields.filter((field) => field.kind === "reference").map((field) => field.name);
  const found = await asking(api.read({ UID: here.UID, catalog_name: first<string>("catalog"), expand }));
  return found.objects[0];
}

export async function renew(): Promise<void> {
  object.value = await readAnew();
}
