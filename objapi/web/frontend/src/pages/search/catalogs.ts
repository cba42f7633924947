// Catalogs, types and workflows as the API describes them; what suits a search among them.
import { signal } from "@preact/signals";
import type { Answer } from "../../objapi";
import { page } from "../../frame/data";
import { api, asking } from "../../frame/api";
import type { TypeDescription } from "../object/description";
import type { Search } from "./search";

export interface Index {
  name: string;
  /** In languages that have one. */
  title?: string;
  kind: string;
  type: string;
  options: string[];
  operators: string[];
  sortable: boolean;
  counted: boolean;
  in_answer: boolean;
}

export interface Catalog {
  name: string;
  title: string;
  types: string[];
  indexes: Index[];
}

export interface TypeInBrief {
  portal_type: string;
  title: string;
  containers: string[];
}

interface Workflow {
  state_variable: string;
  states: { id: string; title: string }[];
}

const MOST_COUNTED = 10;
/** Columns of what may be of any type. */
const COMMON = ["title", "portal_type", "review_state", "description", "Creator", "creation_date", "modification_date"];
const AT_FIRST = 3;

export const catalogs = signal<Catalog[]>([]);
export const types = signal<TypeInBrief[]>([]);
/** The type that is searched for, in full. */
export const described = signal<TypeDescription | null>(null);
/** Titles of states, by variable. */
export const words = signal<Record<string, Record<string, string>>>({});
let defaultCatalog = "";

export async function loadCatalogs(): Promise<void> {
  const [told, listed] = await Promise.all([
    asking(api.call<Answer & { default_catalog: string; catalogs: Catalog[] }>("catalogs", { language: page.language })),
    asking(api.call<Answer & { types: TypeInBrief[] }>("types", { language: page.language })),
  ]);
  defaultCatalog = told.default_catalog;
  catalogs.value = told.catalogs;
  types.value = listed.types;
}

/** What the page's language calls an index, in whatever catalog; "" without a name of its own. */
export function titleOfIndex(name: string): string {
  return catalogs.value.flatMap((catalog) => catalog.indexes).find((index) => index.name === name)?.title ?? "";
}

export function catalogNamed(name: string): Catalog | undefined {
  return catalogs.value.find((catalog) => catalog.name === name);
}

/** The catalog of most types: in it everything is found by its place. */
export function widest(): string {
  const [most] = [...catalogs.value].sort((one, other) => other.types.length - one.types.length);
  return most?.name ?? defaultCatalog;
}

/** The catalog in which a type is searched: the one at hand if it has the type, or else the one with most to ask. */
export function catalogFor(type: string, current: string): string {
  const having = catalogs.value.filter((catalog) => catalog.types.includes(type));
  if (having.some((catalog) => catalog.name === current)) return current;
  const [best] = having.sort((one, other) => other.indexes.length - one.indexes.length);
  return best?.name ?? defaultCatalog;
}

export function firstSearch(): Search {
  return { catalog: defaultCatalog, type: "", criteria: [], columns: null, facets: null, sort: "", descending: false };
}

/** What is directly in an object, or in the site. */
export function contentsOf(path: string): Search {
  const criteria = [{ index: "path", operator: "is", values: [path], depth: "1" }];
  return { ...firstSearch(), catalog: widest(), criteria };
}

export async function describe(type: string): Promise<void> {
  if (described.value?.portal_type === type) return;
  if (!type) {
    described.value = null;
    words.value = {};
    return;
  }
  const found = (await asking(api.call<Answer & { type: TypeDescription }>(`types/${encodeURIComponent(type)}`, { language: page.language }))).type;
  const asked = found.workflows.map(({ id }) => asking(api.call<Answer & { workflow: Workflow }>(`workflows/${encodeURIComponent(id)}`, { language: page.language })));
  const workflows = (await Promise.all(asked)).map((answer) => answer.workflow);
  described.value = found;
  words.value = Object.fromEntries(
    workflows.map((workflow) => [workflow.state_variable, Object.fromEntries(workflow.states.map((state) => [state.id, state.title || state.id]))]),
  );
}

function states(): string[] {
  return (described.value?.workflows ?? []).map((workflow) => workflow.state_variable);
}

export interface Choice {
  name: string;
  title: string;
  kind?: string;
  words?: Record<string, string>;
}

/** What may be a column: fields of the type, its states, what the catalog answers. */
export function columnsOffered(catalog: Catalog): Choice[] {
  const fields: Choice[] = described.value
    ? described.value.fields.map((field) => ({
        name: field.name,
        title: field.title,
        kind: field.kind,
        ...(field.vocabulary ? { words: field.vocabulary } : {}),
      }))
    : COMMON.map((name) => ({ name, title: titleOfIndex(name) }));
  const kept = catalog.indexes.filter((index) => index.in_answer).map((index) => ({ name: index.name, title: index.title ?? "" }));
  const all = [...fields, ...states().map((name) => ({ name, title: titleOfIndex(name), ...(words.value[name] ? { words: words.value[name] } : {}) })), ...kept];
  // UID and id stand in every answer, the id in the first column.
  return [...new Map(all.reverse().map((choice) => [choice.name, choice])).values()].reverse().filter(({ name }) => !["UID", "id", "path"].includes(name));
}

export function columnsOf(search: Search, catalog: Catalog): Choice[] {
  const offered = new Map(columnsOffered(catalog).map((choice) => [choice.name, choice]));
  const wanted = search.columns ?? (described.value ? fitting() : COMMON.slice(0, AT_FIRST));
  return wanted.map((name) => offered.get(name) ?? { name, title: "" });
}

/** The title, what must be given, and the states. */
function fitting(): string[] {
  const fields = described.value?.fields ?? [];
  const needed = fields.filter((field) => field.required && field.kind !== "file" && field.name !== "title").map((field) => field.name);
  const titled = fields.some((field) => field.name === "title") ? ["title"] : [];
  return [...new Set([...titled, ...needed.slice(0, AT_FIRST), ...states().slice(0, 1)])];
}

/** The indexes whose values are counted beside the result. */
export function facetsOf(search: Search, catalog: Catalog): string[] {
  const able = new Set(catalog.indexes.filter((index) => index.counted).map((index) => index.name));
  const wanted = search.facets ?? (search.type ? states() : ["portal_type", "review_state"]);
  return wanted.filter((name) => able.has(name)).slice(0, MOST_COUNTED);
}
