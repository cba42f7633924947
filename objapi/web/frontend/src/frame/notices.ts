// What has happened, told in one place of the page and to screen readers.
import { signal } from "@preact/signals";

export interface Notice {
  text: string;
  kind: "good" | "bad" | "info";
  /** A way back, such as "Undo". */
  action?: { label: string; run: () => void };
}

export const notice = signal<Notice | null>(null);

export function tell(text: string, kind: Notice["kind"] = "info", action?: Notice["action"]): void {
  notice.value = action === undefined ? { text, kind } : { text, kind, action };
}
