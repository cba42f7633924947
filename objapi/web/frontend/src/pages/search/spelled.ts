// A search in the words of others: the URL of the API, curl, Python, a worklist of a profile.
import type { Value } from "../../objapi";
import { api } from "../../frame/api";
import { page } from "../../frame/data";
import type { Catalog, Index } from "./catalogs";
import { askedOf, criteriaOf, isNumber, orderOf, type Asked, type Search } from "./search";

const ROLES_OF_ALL = ["Anonymous", "Authenticated", "Member"];

/** The URL that gives what the page shows; with a format, a file of all of it. */
export function urlOf(search: Search, catalog: Catalog, columns: string[], format = ""): string {
  const pairs: [string, string][] = [["catalog_name", search.catalog]];
  if (search.type) pairs.push(["portal_type", search.type]);
  for (const [name, asked] of askedOf(search, catalog)) {
    const index = catalog.indexes.find((item) => item.name === name);
    if (index) pairs.push(...pairsOf(index, asked));
  }
  pairs.push(...Object.entries(orderOf(search)).map(([name, value]): [string, string] => [name, String(value)]));
  pairs.push(["include_fields", columns.join(",")]);
  if (format) pairs.push(["format", format]);
  const spelled = pairs.map(([name, value]) => `${escaped(name)}=${escaped(value)}`).join("&");
  return `${location.origin}${api.url("read")}?${spelled}`;
}

/** Escapes what means something in a URL, and leaves what is well read. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/%(2F|3A|2C)/g, decodeURIComponent);
}

function pairsOf(index: Index, asked: Asked): [string, string][] {
  const { query, ...others } = asked;
  const converter = isNumber(index) ? (index.type === "integer" ? ":int" : ":float") : "";
  const list = Array.isArray(query) ? ":list" : "";
  // A plain criterion that has options beside it is a record; operators alone are parameters of their own.
  const isRecord = query !== undefined && Object.keys(others).length > 0;
  const plain = isRecord ? `${index.name}.query:record${converter}${list}` : `${index.name}${converter}${list}`;
  const found: [string, string][] = query === undefined ? [] : listed(query).map((value) => [plain, told(value)]);
  for (const [key, value] of Object.entries(others)) {
    if (key === "not") found.push(...listed(value).map((one): [string, string] => [`${index.name}.not:record${converter}:list`, told(one)]));
    else if (isRecord) found.push([`${index.name}.${key}:record${key === "depth" ? ":int" : ""}`, told(value)]);
    else found.push([`${index.name}.${key}`, told(value)]);
  }
  return found;
}

function listed(value: Value): Value[] {
  return Array.isArray(value) ? value : [value];
}

function told(value: Value): string {
  return typeof value === "boolean" ? (value ? "1" : "0") : String(value);
}

export function curlOf(url: string): string {
  return `curl -g -H "Authorization: Bearer $TOKEN" ${quoted(url)}`;
}

/** A word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function pythonOf(search: Search, catalog: Catalog, columns: string[]): string {
  const { portal_type: type, ...criteria } = criteriaOf(search, catalog);
  const given = [
    ...(type ? [python(type as Value)] : []),
    `catalog=${python(search.catalog)}`,
    ...Object.entries({ ...criteria, ...orderOf(search) }).map(([name, value]) => named(name, value as Value)),
    `include_fields=${python(columns)}`,
  ];
  const lines = given.map((line) => `    ${line},`).join("\n");
  return [
    "from objapi_client import Site",
    "",
    `site = Site(${python(location.origin + page.site.url)}, token=token)`,
    `for found in site.query(\n${lines}\n):`,
    '    print(found["path"])',
  ].join("\n");
}

/** An argument; what is no name in Python goes in by a dict. */
function named(name: string, value: Value): string {
  return /^[A-Za-z_]\w*$/.test(name) ? `${name}=${python(value)}` : `**{${python(name)}: ${python(value)}}`;
}

function python(value: Value): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([key, one]) => `${python(key)}: ${python(one)}`).join(", ")}}`;
  return JSON.stringify(value);
}

/** The lines that make a search a worklist of a role, for `worklists.yaml` of a profile. JSON is YAML, too. */
export function worklistOf(title: string, search: Search, catalog: Catalog, columns: string[]): string {
  const id = title.toLowerCase().replace(/[^a-z\d]+/g, "_").replace(/^_+|_+$/g, "").replace(/^(?=\d|$)/, "list_");
  const roles = page.user.roles.filter((role) => !ROLES_OF_ALL.includes(role));
  const lines: [string, unknown][] = [
    ["title", title],
    ...(roles.length ? [["roles", roles] as [string, unknown]] : []),
    ["catalog", search.catalog],
    ["criteria", criteriaOf(search, catalog)],
    ["columns", columns],
    ...(search.sort ? [["sort_on", [search.sort]] as [string, unknown]] : []),
    ...(search.sort && search.descending ? [["sort_order", "descending"] as [string, unknown]] : []),
  ];
  return `${id}:\n${lines.map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`).join("\n")}`;
}
