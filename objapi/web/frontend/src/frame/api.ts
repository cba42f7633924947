// The client of the site of this page. Whoever is no longer logged in is led to the log-in and back.
import { Api, ApiFailure } from "../objapi";
import { page } from "./data";

export const api = new Api(page.site.url);

/** Runs a call; a session that has ended leads to the log-in. */
export async function asking<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 401) {
      location.assign(`${page.site.url}/login_form?came_from=${encodeURIComponent(location.href)}`);
    }
    throw error;
  }
}

/** What to tell the user of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
