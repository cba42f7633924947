// A search as the reader puts it together, and as the API takes it.
import type { Parameters, Value } from "../../objapi";
import type { Catalog, Index } from "./catalogs";

export interface Criterion {
  index: string;
  operator: string;
  /** What is looked for: one text a value. */
  values: string[];
  /** Of a path: how many levels below it; empty for all. */
  depth?: string;
}

export interface Search {
  catalog: string;
  /** Empty: objects of any type. */
  type: string;
  criteria: Criterion[];
  /** Null: those that suit the type. */
  columns: string[] | null;
  facets: string[] | null;
  sort: string;
  descending: boolean;
}

const BOUNDS = ["gt", "ge", "lt", "le"];
const WHOLE_LINES = ["any", "not", "all"];

/** The ways to ask an index: its options and operators as the catalog declares them. */
export function operatorsOf(index: Index): string[] {
  if (index.kind === "substring" || index.kind === "position") return [];
  const empty = index.operators.includes("empty") ? ["empty", "filled"] : [];
  if (isDated(index)) return ["ge", "lt", "since", "recent"].filter((name) => index.operators.includes(name)).concat(empty);
  if (isTruth(index)) return ["is", ...empty];
  if (index.kind === "path" || index.kind === "text" || index.kind === "code" || index.kind === "date_range") return ["is", ...empty];
  const sets = index.options.includes("not") ? ["any", "not"] : ["any"];
  const all = index.options.includes("operator") ? ["all"] : [];
  return ["is", ...index.operators.filter((name) => name === "contains" || name === "startswith"), ...sets, ...all]
    .concat(BOUNDS.filter((name) => index.operators.includes(name)))
    .concat(empty);
}

export function isDated(index: Index): boolean {
  return index.kind === "date" || index.type === "datetime";
}

export function isTruth(index: Index): boolean {
  return index.kind === "boolean" || index.type === "boolean";
}

export function isNumber(index: Index): boolean {
  return index.type === "integer" || index.type === "decimal";
}

/** True where a criterion has several values, a line each. */
export function takesLines(operator: string): boolean {
  return WHOLE_LINES.includes(operator);
}

export function takesNothing(operator: string): boolean {
  return operator === "empty" || operator === "filled";
}

/** True once there is something to look for. */
export function isComplete(criterion: Criterion): boolean {
  return takesNothing(criterion.operator) || criterion.values.some((value) => value.trim());
}

/** A value as the index holds it: a number for numbers, true or false for those. */
export function typed(index: Index, text: string): Value {
  if (isTruth(index)) return text === "1";
  // What is no number is sent as it stands: the server says what is wrong with it.
  return isNumber(index) && !Number.isNaN(Number(text)) ? Number(text) : text;
}

/** What one index is asked, by keys of a record; `query` is the plain criterion. */
export type Asked = Record<string, Value>;

/** The criteria by their indexes. Those of one index that are alternatives become one list. */
export function askedOf(search: Search, catalog: Catalog): Map<string, Asked> {
  const found = new Map<string, Asked>();
  for (const criterion of search.criteria.filter(isComplete)) {
    const index = catalog.indexes.find((item) => item.name === criterion.index);
    if (!index) continue;
    const asked = found.get(index.name) ?? {};
    found.set(index.name, asked);
    put(asked, index, criterion);
  }
  return found;
}

function put(asked: Asked, index: Index, { operator, values, depth }: Criterion): void {
  const given = values.filter((value) => value.trim()).map((value) => typed(index, value.trim()));
  if (operator === "is" || operator === "any") asked["query"] = together(asked["query"], given);
  else if (operator === "all") Object.assign(asked, { query: together(asked["query"], given), operator: "and" });
  else if (operator === "not") asked["not"] = [...((asked["not"] as Value[] | undefined) ?? []), ...given];
  else if (takesNothing(operator)) asked["empty"] = operator === "empty" ? 1 : 0;
  else asked[operator] = values[0]?.trim() ?? "";
  if (index.kind === "path" && depth) asked["depth"] = Number(depth);
}

function together(earlier: Value | undefined, more: Value[]): Value {
  const all = [...(earlier === undefined ? [] : Array.isArray(earlier) ? earlier : [earlier]), ...more];
  const [only] = all;
  return all.length === 1 && only !== undefined ? only : all;
}

/** The criteria as a JSON body has them. */
export function criteriaOf(search: Search, catalog: Catalog): Parameters {
  const criteria: Parameters = search.type ? { portal_type: search.type } : {};
  for (const [name, asked] of askedOf(search, catalog)) {
    const plain = Object.keys(asked).length === 1 ? asked["query"] : undefined;
    criteria[name] = plain ?? asked;
  }
  return criteria;
}

export function orderOf(search: Search): Parameters {
  return search.sort ? { sort_on: search.sort, ...(search.descending ? { sort_order: "descending" } : {}) } : {};
}

export function copied(search: Search): Search {
  return JSON.parse(JSON.stringify(search)) as Search;
}
