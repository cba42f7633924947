// What this browser remembers of a user of this site: others at the same computer have their own.
import { page } from "./data";

/** The key of saved searches. */
export const SEARCHES = `searches of ${page.user.id} in ${page.site.url}`;

/** What is remembered under a key; null without any, and where the browser keeps nothing. */
export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
