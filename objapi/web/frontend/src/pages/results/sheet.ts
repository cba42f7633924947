// The sheet as the profile declares it, its rows, and what has been typed over them and is not saved.
import { computed, signal } from "@preact/signals";
import type { Answer, ObjectRead, Page, Parameters, Value } from "../../objapi";
import { api, asking } from "../../frame/api";
import { first } from "../../frame/data";
import { isEmpty } from "../../frame/values";

export interface Column {
  name: string;
  title: string;
  kind?: string;
  words?: Record<string, string>;
}

export interface Sheet {
  UID: string;
  id: string;
  path: string;
  title: string;
  titles: Record<string, string>;
  types: string[];
  query: Parameters;
  columns: Column[];
  result: Column;
  inputs: string | null;
  calculated: string | null;
  range: { field: string; low: string; high: string } | null;
  detection: { reference: string; lower: string; upper: string; catalog_name: string } | null;
  choices: { reference: string; field: string; value: string; text: string; catalog_name: string } | null;
  transitions: string[];
}

/** A value that a calculation starts from, as the records of the field of inputs have it. */
export interface InputRecord {
  keyword: string;
  title: string;
  value: string;
  unit: string;
}

export interface Cell {
  row: ObjectRead;
  /** The keyword of an input; empty for the result. */
  part: string;
}

export const RESULT = "";
const SIZE = 500;

export const sheet = first<{ sheet: Sheet }>("sheet")?.sheet;
export const rows = signal<ObjectRead[]>(first<Page>("read")?.objects ?? []);
/** Cell → the text typed into it, where it is another than what is stored. */
export const drafts = signal<ReadonlyMap<string, string>>(new Map());
/** Cells that may be written; null while that is not known. */
export const writable = signal<ReadonlySet<string> | null>(null);

/** The inputs of all rows, each keyword once: they are the columns before the result. */
export const inputColumns = computed(() => {
  const found = new Map<string, InputRecord>();
  for (const row of rows.value) {
    for (const record of inputsOf(row)) if (!found.has(record.keyword)) found.set(record.keyword, record);
  }
  return [...found.values()];
});

export function keyOf({ row, part }: Cell): string {
  return `${row.UID} ${part}`;
}

export function inputsOf(row: ObjectRead): InputRecord[] {
  const records = sheet?.inputs ? ((row[sheet.inputs] ?? []) as unknown as (InputRecord & { hidden?: Value })[]) : [];
  return records.filter((record) => ![true, "true", "True", "1", 1].includes(record.hidden as never));
}

/** What is stored in a cell, as text. */
export function stored({ row, part }: Cell): string {
  const value = part === RESULT ? row[sheet?.result.name ?? ""] : inputsOf(row).find((record) => record.keyword === part)?.value;
  return isEmpty(value) ? "" : String(value);
}

/** The row has this cell, and the user may see what is in it. */
export function exists({ row, part }: Cell): boolean {
  return part === RESULT ? row[sheet?.result.name ?? ""] !== undefined : inputsOf(row).some((record) => record.keyword === part);
}

export function mayWrite(cell: Cell): boolean {
  return exists(cell) && (writable.value?.has(keyOf(cell)) ?? false);
}

export function write(cell: Cell, text: string): void {
  const found = new Map(drafts.value);
  if (text === stored(cell)) found.delete(keyOf(cell));
  else found.set(keyOf(cell), text);
  drafts.value = found;
}

export interface Entry {
  obj_uid: string;
  version: number;
  fields: Parameters;
}

/** What is typed, as `update_many` takes it: an entry for each row, with the version that was read. */
export function entries(): Entry[] {
  return rows.value.flatMap((row) => {
    const fields: Parameters = {};
    const result = drafts.value.get(keyOf({ row, part: RESULT }));
    if (result !== undefined && sheet) fields[sheet.result.name] = result;
    const inputs = inputsOf(row).flatMap((record) => {
      const text = drafts.value.get(keyOf({ row, part: record.keyword }));
      return text === undefined ? [] : [{ keyword: record.keyword, title: record.title, value: text }];
    });
    if (inputs.length && sheet?.inputs) fields[sheet.inputs] = inputs;
    return Object.keys(fields).length ? [{ obj_uid: row.UID, version: row.version, fields }] : [];
  });
}

/** All rows as they are now. */
export async function readRows(): Promise<ObjectRead[]> {
  const found: ObjectRead[] = [];
  for await (const row of api.iterate({ ...sheet?.query, page_size: SIZE })) found.push(row);
  return found;
}

type May = Answer & { objects: { can: { permissions: { held: boolean; for: string[] }[] }[] }[] };

/** Asks which cells the user may write now: states and rights decide that, row by row. */
export async function findWritable(): Promise<void> {
  if (!sheet || !rows.value.length) return;
  const asked = rows.value;
  const answer = await asking(api.call<May>("can", { uids: asked.map((row) => row.UID), can: "update" }));
  const found = new Set<string>();
  asked.forEach((row, place) => {
    const permissions = answer.objects[place]?.can[0]?.permissions ?? [];
    // A field may be named under several permissions: all of them are needed.
    const may = (field: string) =>
      permissions.some((one) => one.for.includes(field)) && permissions.every((one) => one.held || !one.for.includes(field));
    if (may(sheet.result.name)) found.add(keyOf({ row, part: RESULT }));
    if (sheet.inputs && may(sheet.inputs)) for (const record of inputsOf(row)) found.add(keyOf({ row, part: record.keyword }));
  });
  writable.value = found;
}
