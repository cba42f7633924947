// What a result is judged by: the range of the specification, and what the method can detect.
import { signal } from "@preact/signals";
import type { ObjectRead, Value } from "../../objapi";
import { api, asking } from "../../frame/api";
import { t } from "../../frame/texts";
import { isEmpty, listed } from "../../frame/values";
import { rows, sheet } from "./sheet";

export interface Limits {
  low: number | null;
  high: number | null;
}

export interface Mark {
  kind: "out" | "limit" | "unread";
  text: string;
}

const NOWHERE: Limits = { low: null, high: null };

/** UID of what states limits of detection → these. */
const detection = signal<ReadonlyMap<string, Limits>>(new Map());

export async function loadDetection(): Promise<void> {
  const declared = sheet?.detection;
  if (!declared) return;
  const known = detection.value;
  const uids = [...new Set(rows.value.flatMap((row) => listed(row[declared.reference])))].filter((uid) => !known.has(uid));
  if (!uids.length) return;
  const include_fields = ["UID", declared.lower, declared.upper];
  const answer = await asking(api.read({ catalog_name: declared.catalog_name, UID: uids, include_fields, page_size: uids.length }));
  const found = answer.objects.map((item) => [item.UID, { low: numberOf(item[declared.lower]), high: numberOf(item[declared.upper]) }] as const);
  detection.value = new Map([...known, ...found]);
}

export function rangeOf(row: ObjectRead): Limits {
  const declared = sheet?.range;
  const record = declared && (row[declared.field] as Record<string, Value> | null | undefined);
  return declared && record ? { low: numberOf(record[declared.low]), high: numberOf(record[declared.high]) } : NOWHERE;
}

function detectionOf(row: ObjectRead): Limits {
  const [uid = ""] = listed(row[sheet?.detection?.reference ?? ""]);
  return detection.value.get(uid) ?? NOWHERE;
}

/** Texts that were meant as numbers, with a comma for the decimal sign or between thousands. */
const COMMAS = /^[+-]?\d[\d\s.]*,[\d\s.,]*$/;

/** What stands out of a result; a text that is no number is judged by nobody. */
export function marksOf(row: ObjectRead, text: string): Mark[] {
  const [, sign = "", digits = ""] = /^\s*([<>]?)\s*(.*)$/.exec(text) ?? [];
  const number = numberOf(digits);
  if (number === null) {
    // Which of the two a comma means nobody can tell: the text would be stored as it is, and never be compared.
    return COMMAS.test(digits) ? [{ kind: "unread", text: t("no number: it takes a point, not a comma") }] : [];
  }
  const found: Mark[] = [];
  const limits = detectionOf(row);
  const range = rangeOf(row);
  if (sign === "<" || (limits.low !== null && number < limits.low)) found.push({ kind: "limit", text: t("below the detection limit") });
  if (sign === ">" || (limits.high !== null && number > limits.high)) found.push({ kind: "limit", text: t("above the detection limit") });
  // Of a result beyond a limit only its side is known: below 5 may be anywhere down from 5.
  if (range.low !== null && sign !== ">" && (sign === "<" ? number <= range.low : number < range.low)) {
    found.push({ kind: "out", text: t("below the range") });
  }
  if (range.high !== null && sign !== "<" && (sign === ">" ? number >= range.high : number > range.high)) {
    found.push({ kind: "out", text: t("above the range") });
  }
  return found;
}

export function shownRange({ low, high }: Limits): string {
  if (low !== null && high !== null) return `${low} – ${high}`;
  if (low !== null) return `≥ ${low}`;
  return high === null ? "" : `≤ ${high}`;
}

function numberOf(value: Value | undefined): number | null {
  if (isEmpty(value) || String(value).trim() === "") return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}
