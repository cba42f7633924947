// The client of the site of this page. Whoever is no longer logged in is led to the log-in and back.
import { Api, ApiFailure } from "../objapi";
import { page } from "./data";
import { t } from "./texts";

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

/** What to tell the user of an error. The server's words are English; to other readers the kind of refusal is told in their own. */
export function messageOf(error: unknown): string {
  // Browsers raise it, in words of their own, where no answer came.
  if (error instanceof TypeError && /fetch|network|load failed/i.test(error.message)) return t("The server cannot be reached.");
  if (!(error instanceof ApiFailure)) return error instanceof Error ? error.message : String(error);
  const kind = page.language === "en" ? "" : kindOf(error);
  return kind ? `${kind}: ${error.message}` : error.message;
}

function kindOf({ type, status }: ApiFailure): string {
  if (type === "Conflict") return t("Somebody else has changed it meanwhile");
  if (type === "ReferenceInUse") return t("Others refer to it");
  if (type === "TransitionNotAllowed") return t("This step is not open");
  if (type.startsWith("Signature")) return t("It has to be signed");
  if (status === 401) return t("Not logged in");
  if (status === 403) return t("Not allowed");
  if (status === 404) return t("Not found");
  if (status === 413) return t("Too much at once");
  if (status === 400 || status === 422) return t("This cannot be taken");
  if (status === 429 || status === 503) return t("The server is busy");
  return status >= 500 ? t("The server has failed") : "";
}
