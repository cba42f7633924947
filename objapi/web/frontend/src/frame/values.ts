// Values of objects as text.
import type { ObjectRead, Value } from "../objapi";
import { isDate, shownDate } from "./dates";
import { t } from "./texts";

export function isEmpty(value: Value | undefined): value is null | undefined {
  return value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}

export function shownValue(value: Value | undefined): string {
  if (isEmpty(value)) return "";
  if (isDate(value)) return shownDate(value);
  if (Array.isArray(value)) return value.map(shownValue).join(", ");
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function listed(value: Value | undefined): string[] {
  return (Array.isArray(value) ? value : isEmpty(value) ? [] : [value]).map(String);
}

/** The objects that a reference field names, as `expand` answers them: titles with the paths that lead there. */
export function referred(object: ObjectRead, field: string): { title: string; path: string }[] {
  const titles = listed(object[`${field}_title`]);
  return listed(object[`${field}_path`]).map((path, place) => ({ path, title: titles[place] || path.split("/").at(-1) || path }));
}
