// What is searched for now, which the address of the page holds, and what was found.
import { computed, signal } from "@preact/signals";
import type { Page, Parameters } from "../../objapi";
import { api, asking, messageOf } from "../../frame/api";
import { page } from "../../frame/data";
import { fill, selected, SIZE } from "../worklists/rows";
import { catalogNamed, columnsOf, describe, facetsOf, firstSearch, type Choice } from "./catalogs";
import { copied, criteriaOf, orderOf, type Search } from "./search";

type Facets = NonNullable<Page["facets"]>;

export const search = signal<Search>(firstSearch());
export const facets = signal<Facets>({});
export const warnings = signal<string[]>([]);
/** What the server has refused, beside the criteria. */
export const refusal = signal("");
export const busy = signal(false);
export const catalog = computed(() => catalogNamed(search.value.catalog));
export const columns = signal<Choice[]>([]);
export const query = computed<Parameters>(() => queryOf(search.value, columns.value));

function queryOf(wanted: Search, shown: Choice[]): Parameters {
  const found = catalogNamed(wanted.catalog);
  const references = shown.filter((column) => column.kind === "reference").map((column) => column.name);
  return {
    catalog_name: wanted.catalog,
    ...(found ? criteriaOf(wanted, found) : {}),
    ...orderOf(wanted),
    include_fields: ["UID", "id", "title", "portal_type", "version", ...shown.map((column) => column.name)],
    ...(references.length ? { expand: references } : {}),
  };
}

/** What `read` counts of a search, whatever its columns. */
export function countOf(wanted: Search): Parameters {
  const found = catalogNamed(wanted.catalog);
  return { catalog_name: wanted.catalog, ...(found ? criteriaOf(wanted, found) : {}), ...orderOf(wanted), count_only: true };
}

export function linkTo(wanted: Search): string {
  return `${page.site.url}/console/search?q=${encodeURIComponent(JSON.stringify(wanted))}`;
}

/** The search that the address of the page holds. Raises an Error for one that is none. */
export function searchOfAddress(): Search {
  const text = new URLSearchParams(location.search).get("q");
  if (!text) return firstSearch();
  const read = { ...firstSearch(), ...(JSON.parse(text) as Partial<Search>) };
  if (!Array.isArray(read.criteria) || !catalogNamed(read.catalog)) throw new Error(text);
  return read;
}

/** Changes the search, remembers where it was before, and runs it. */
export function change(part: Partial<Search>): void {
  const changed = { ...copied(search.value), ...part };
  history.pushState(null, "", linkTo(changed));
  go(changed);
}

export function go(wanted: Search): void {
  search.value = wanted;
  selected.value = new Set();
  run().catch((error: unknown) => (refusal.value = messageOf(error)));
}

let running = new AbortController();

/** Counts the values of what is found. */
export async function countValues(signal = running.signal): Promise<void> {
  const wanted = search.value;
  const found = catalogNamed(wanted.catalog);
  const names = found ? facetsOf(wanted, found) : [];
  const answer = names.length ? await asking(api.read({ ...countOf(wanted), facets: names }, { signal })) : null;
  if (!signal.aborted) facets.value = answer?.facets ?? {};
}

export async function run(): Promise<void> {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const wanted = search.value;
  busy.value = true;
  try {
    await describe(wanted.type);
    const found = catalogNamed(wanted.catalog);
    if (signal.aborted || !found) return;
    columns.value = columnsOf(wanted, found);
    const answer = await asking(api.read({ ...query.value, page_size: SIZE }, { signal }));
    fill(answer);
    warnings.value = answer.warnings ?? [];
    refusal.value = "";
    // Rows are there before their values are counted, which takes longer where there are very many.
    await countValues(signal);
  } catch (error) {
    if (signal.aborted) return;
    fill({ success: true, objects: [], total_objects: 0, first_object_nr: 0, last_object_nr: 0 });
    facets.value = {};
    throw error;
  } finally {
    if (!signal.aborted) busy.value = false;
  }
}
