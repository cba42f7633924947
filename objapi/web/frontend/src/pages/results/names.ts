// What the fields of the rows are called, as their types declare it in the page's language.
import { signal } from "@preact/signals";
import type { Answer } from "../../objapi";
import { api, asking } from "../../frame/api";
import { page } from "../../frame/data";
import { labelOf } from "../../frame/labels";
import type { TypeDescription } from "../object/description";
import { rows } from "./sheet";

const names = signal<ReadonlyMap<string, string>>(new Map());

export async function loadNames(): Promise<void> {
  const types = [...new Set(rows.value.map((row) => row.portal_type))];
  const found = types.map((type) => asking(api.call<Answer & { type: TypeDescription }>(`types/${encodeURIComponent(type)}`, { language: page.language })));
  const fields = (await Promise.all(found)).flatMap(({ type }) => type.fields);
  names.value = new Map(fields.map((field) => [field.name, labelOf(field)]));
}

/** Until the types are read, and for what they do not name, the words of the name itself. */
export function nameOfField(name: string): string {
  return names.value.get(name) ?? labelOf({ name, title: "" });
}
