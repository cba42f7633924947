// What the server has put into the page.

export interface PageData {
  page: string;
  title: string;
  site: { id: string; title: string; url: string; docs: string; timezone: string; takes_passwords: boolean; takes_sign_on: boolean };
  user: { id: string; name: string; roles: string[] };
  language: string;
  /** The languages that there are, by their codes, each by its own name. */
  languages: Record<string, string>;
  /** What this browser's user prefers; empty: what browser and system say. */
  chosen: { language: string; theme: string };
  navigation: { page: string; title: string; url: string }[];
  /** Catalogs that have an index of what scanners read, with its name. */
  scan: { catalog: string; index: string }[];
  /** There are charts of the site for the user. */
  charts: boolean;
  texts: Record<string, string | string[]>;
  first: Record<string, unknown>;
}

const block = document.getElementById("page-data")?.textContent ?? "{}";

export const page = JSON.parse(block) as PageData;

/** An answer of the API that came with the page. */
export function first<T>(name: string): T | undefined {
  return page.first[name] as T | undefined;
}
