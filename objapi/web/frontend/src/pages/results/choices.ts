// Results that are chosen from a list, where what a row refers to has one: its values, and what they are called.
import { signal } from "@preact/signals";
import type { ObjectRead, Value } from "../../objapi";
import { api, asking } from "../../frame/api";
import { isEmpty, listed } from "../../frame/values";
import { type Cell, RESULT, rows, sheet } from "./sheet";

export interface Choice {
  value: string;
  text: string;
}

/** UID of what lists results → these. */
const lists = signal<ReadonlyMap<string, Choice[]>>(new Map());

export async function loadChoices(): Promise<void> {
  const declared = sheet?.choices;
  if (!declared) return;
  const known = lists.value;
  const uids = [...new Set(rows.value.flatMap((row) => listed(row[declared.reference])))].filter((uid) => !known.has(uid));
  if (!uids.length) return;
  const include_fields = ["UID", declared.field];
  const answer = await asking(api.read({ catalog_name: declared.catalog_name, UID: uids, include_fields, page_size: uids.length }));
  const found = answer.objects.map((item) => {
    const records = (item[declared.field] ?? []) as Record<string, Value>[];
    const choices = records.map((record) => {
      const value = textOf(record[declared.value]);
      return { value, text: textOf(record[declared.text]) || value };
    });
    return [item.UID, choices] as const;
  });
  lists.value = new Map([...known, ...found]);
}

function textOf(value: Value | undefined): string {
  return isEmpty(value) ? "" : String(value);
}

/** The results that a row may have; none where any is typed. */
export function choicesOf(row: ObjectRead): Choice[] {
  const [uid = ""] = listed(row[sheet?.choices?.reference ?? ""]);
  return lists.value.get(uid) ?? [];
}

function chosen(choices: Choice[], value: string): Choice | undefined {
  const number = value.trim() === "" ? Number.NaN : Number(value);
  return choices.find((choice) => choice.value === value) ?? choices.find((choice) => Number(choice.value) === number);
}

/** The value of the list that a stored one stands for: 1 may be stored as 1.0. */
export function valueInList({ row }: Cell, value: string): string {
  return chosen(choicesOf(row), value)?.value ?? value;
}

/** What the value of a cell is called. */
export function shownAs({ row, part }: Cell, value: string): string {
  return part === RESULT ? (chosen(choicesOf(row), value)?.text ?? value) : value;
}

/** The value of what is pasted: people paste what it is called. */
export function valueOf({ row, part }: Cell, text: string): string {
  if (part !== RESULT) return text;
  return choicesOf(row).find((choice) => choice.text.toLowerCase() === text.toLowerCase())?.value ?? text;
}
