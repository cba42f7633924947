// What others change, told to the page while somebody looks at it.
import { type Answer, ApiFailure, type Change, type Changes, type ChangesFilter } from "../objapi";
import { api, asking } from "./api";

/** Milliseconds for which a page goes on listening when it is not seen: a browser has few connections to a server. */
const UNSEEN = 20_000;

/**
 * Calls `told` with what changes; ends by the signal. A page that nobody sees listens no more; once it is seen again
 * `told` is called without changes: then anything may have happened.
 */
export async function follow(filter: ChangesFilter, told: (changes: Change[]) => void, signal: AbortSignal): Promise<void> {
  let since = "now";
  while (!signal.aborted) {
    const unseen = new AbortController();
    const end = onceUnseen(() => unseen.abort());
    try {
      await asking(listen({ ...filter, since }, told, AbortSignal.any([signal, unseen.signal])));
    } finally {
      end();
    }
    await untilSeen(signal);
    if (signal.aborted) return;
    // The place in the trail before the page reads anew, so that nothing falls between the two.
    since = await place();
    told([]);
  }
}

async function listen(filter: ChangesFilter, told: (changes: Change[]) => void, signal: AbortSignal): Promise<void> {
  for await (const { changes } of api.changes(filter, signal)) told(changes);
}

async function place(): Promise<string> {
  try {
    return (await asking(api.call<Answer & Changes>("changes", { since: "now" }))).cursor;
  } catch (error) {
    // The server is away or busy for now; who listens waits for it.
    if (error instanceof ApiFailure && error.status < 429) throw error;
    return "now";
  }
}

function onceUnseen(run: () => void): () => void {
  let timer = 0;
  const look = () => {
    clearTimeout(timer);
    if (document.visibilityState === "hidden") timer = window.setTimeout(run, UNSEEN);
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
  };
}

function untilSeen(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (document.visibilityState === "hidden" && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look, { once: true });
    look();
  });
}
