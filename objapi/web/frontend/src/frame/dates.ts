// Dates in the words of the reader's language and the site's time zone.
import { page } from "./data";

const DATE = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d|$)/;

const day = new Intl.DateTimeFormat(page.language, { dateStyle: "medium", timeZone: zone() });
const minute = new Intl.DateTimeFormat(page.language, { dateStyle: "medium", timeStyle: "short", timeZone: zone() });

function zone(): string {
  try {
    new Intl.DateTimeFormat("en", { timeZone: page.site.timezone });
    return page.site.timezone;
  } catch {
    return "UTC";
  }
}

export function isDate(value: unknown): value is string {
  return typeof value === "string" && DATE.test(value) && !Number.isNaN(Date.parse(value));
}

/** A date as the reader writes it; midnight is a day without a time. */
export function shownDate(value: string): string {
  const read = new Date(value);
  return /[T ]00:00(:00(\.0+)?)?([+-]\d\d:\d\d|Z)?$/.test(value) || value.length === 10 ? day.format(read) : minute.format(read);
}
