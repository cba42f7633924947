// Texts are written in English where they are shown; the catalogs of the server translate them.
import { page } from "./data";

type Values = Record<string, string | number>;

/** A text in the language of the page; `{name}` in it stands for a value. */
export function t(text: string, values: Values = {}): string {
  const known = page.texts[text];
  return filled(typeof known === "string" && known ? known : text, values);
}

/** A text with a number, `{count}` in it. */
export function n(one: string, many: string, count: number, values: Values = {}): string {
  const known = page.texts[one];
  const forms = Array.isArray(known) && known[0] ? known : [one, many];
  const text = (count === 1 ? forms[0] : forms[1]) ?? many;
  return filled(text, { ...values, count: new Intl.NumberFormat(page.language).format(count) });
}

function filled(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
