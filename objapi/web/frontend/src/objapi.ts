/**
 * The client of the API for pages in a browser: log in, read, iterate, update_many, transitions, changes.
 *
 * `new Api("/Plone")` works on the site that the page comes from, by its cookie; `new Api("https://host/Plone", { token })`
 * on another one, whose setting OBJAPI_ALLOWED_ORIGINS names the page's origin.
 */

export type Value = string | number | boolean | null | Value[] | { [name: string]: Value };
export type Parameters = Record<string, unknown>;

export interface Answer {
  success: boolean;
  message?: string;
  warnings?: string[];
  /** The id of the request, by which `undo` takes it back. */
  request_id?: string;
}

export interface ObjectRead {
  path: string;
  UID: string;
  id: string;
  portal_type: string;
  title?: string;
  version: number;
  [field: string]: Value | undefined;
}

export interface Page<T = ObjectRead> extends Answer {
  total_objects: number;
  first_object_nr: number;
  last_object_nr: number;
  objects: T[];
  next?: string;
  facets?: Record<string, { values: { value: Value; count: number; title?: string }[]; more: boolean }>;
}

export interface Cause {
  parameter?: string;
  field?: string;
  object?: string;
  message: string;
  code?: string;
}

export interface Outcome extends Answer {
  path?: string;
  obj_path?: string;
  UID?: string;
  obj_uid?: string;
  uid?: string;
  type?: string;
  status?: number;
  [name: string]: unknown;
}

export interface Batch extends Answer {
  objects?: Outcome[];
  updates?: Outcome[];
  errors?: Cause[];
  plan?: Plan;
}

export interface Plan {
  changes: PlannedChange[];
  reindexed: number;
  refused: Outcome[];
}

export interface PlannedChange {
  event: string;
  path: string;
  portal_type: string;
  index?: number;
  fields?: { field: string; old: Value; new: Value }[];
  states?: { workflow: string; variable: string; transition: string | null; old: string | null; new: string | null; signature?: { meaning: string } }[];
}

export interface Named {
  id: string;
  title: string;
}

/** A transition that the caller may take. */
export interface Step extends Named {
  /** It takes an electronic signature, which means this. */
  signature?: { meaning: string };
}

/** Proof of who signs: the password once more and, where there is a second factor, its code. */
export interface Proof {
  password: string;
  second_factor?: string;
}

export interface Blocked extends Named {
  new_state: string;
  reason: string;
  needs: string;
}

export interface Allowed {
  uid: string;
  transitions: Step[];
  refused: { id: string; message: string }[];
  roles?: string[];
  blocked?: Blocked[];
}

export interface Change {
  cursor: string;
  UID: string;
  path: string;
  portal_type: string;
  kinds: string[];
  fields: string[];
  transition: string | null;
  time: string;
  actor: string;
  version: number;
}

/** Changes that came together, and the cursor to go on from. */
export interface Changes {
  changes: Change[];
  cursor: string;
}

export interface ChangesFilter {
  since?: string;
  portal_type?: string | string[];
  path?: string;
}

/** A call that was refused. `errors` are all causes, `answer` is the whole answer. */
export class ApiFailure extends Error {
  readonly type: string;
  readonly status: number;
  readonly errors: Cause[];
  readonly requestId: string;
  readonly answer: Record<string, unknown>;
  /** Seconds after which to try again, when the server says so. */
  readonly retryAfter: number | null;

  constructor(answer: Record<string, unknown>, status: number, retryAfter: number | null = null) {
    super(String(answer["message"] ?? `The server answered ${status}.`));
    this.name = "ApiFailure";
    this.answer = answer;
    this.type = String(answer["type"] ?? "");
    this.status = Number(answer["status"] ?? status);
    this.errors = (answer["errors"] as Cause[] | undefined) ?? [];
    this.requestId = String(answer["request_id"] ?? "");
    this.retryAfter = retryAfter;
  }
}

export interface Options {
  /** An API token, for a page of another site or a program. Without one the browser's session is used. */
  token?: string;
  /** Used in place of the browser's `fetch`. */
  fetch?: typeof fetch;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** Sent as If-Match: the version that the object must have. */
  version?: number;
  /** Sent as Idempotency-Key: a request that is sent twice is done once. */
  key?: string;
}

export class Api {
  readonly site: string;
  private readonly token: string | undefined;
  private readonly fetch: typeof fetch;

  constructor(site: string, options: Options = {}) {
    this.site = site.replace(/\/+$/, "");
    this.token = options.token;
    this.fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  /** The URL of a method, or of a file: `url("types/Batch")`. */
  url(method: string): string {
    return `${this.site}/@@API/${method}`;
  }

  /** Begins a session, which the browser keeps. `code` is that of the second factor, for users who have one. */
  async logIn(name: string, password: string, code?: string): Promise<void> {
    const form = new URLSearchParams({ "form.submitted": "1", __ac_name: name, __ac_password: password });
    if (code !== undefined) form.set("__ac_code", code);
    const response = await this.fetch(`${this.site}/login_form`, { method: "POST", body: form, credentials: "include" });
    if (!response.ok || (await response.text()).includes("login_failed")) {
      throw new ApiFailure({ type: "Unauthorized", message: "The user name, the password or the code is wrong." }, 401);
    }
  }

  /** Calls any method. Raises ApiFailure. With `partial` an answer in which some could not be done is given, too. */
  async call<T extends Answer = Answer>(method: string, parameters: Parameters = {}, options: CallOptions = {}): Promise<T> {
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    if (options.version !== undefined) headers["If-Match"] = String(options.version);
    if (options.key !== undefined) headers["Idempotency-Key"] = options.key;
    return this.send<T>(method, { method: "POST", headers, body: JSON.stringify(parameters) }, options, Boolean(parameters["partial"]));
  }

  /** Calls a method with a form, in which files may be. With `partial` in it, as `call` does. */
  async sendForm<T extends Answer = Answer>(method: string, form: FormData, options: CallOptions = {}): Promise<T> {
    const headers: Record<string, string> = { Prefer: "http-status" };
    if (options.version !== undefined) headers["If-Match"] = String(options.version);
    if (options.key !== undefined) headers["Idempotency-Key"] = options.key;
    return this.send<T>(method, { method: "POST", headers, body: form }, options, Boolean(form.get("partial")));
  }

  private async send<T extends Answer>(method: string, init: RequestInit, options: CallOptions, partial: boolean): Promise<T> {
    const headers = { ...(init.headers as Record<string, string>), ...this.credentials(), Accept: "application/json" };
    const credentials = this.token === undefined ? "include" : "omit";
    const signal = options.signal ?? null;
    const response = await this.fetch(this.url(method), { ...init, headers, credentials, signal });
    const answer = await asJson(response);
    answer["request_id"] ??= response.headers.get("X-Request-Id") ?? "";
    const partly = partial && answer["type"] === "PartlyDone";
    if (answer["success"] !== true && !partly) {
      throw new ApiFailure(answer, response.status, secondsOf(response));
    }
    return answer as unknown as T;
  }

  private credentials(): Record<string, string> {
    // Without the mark a browser answers 401 by a dialogue of its own. Pages of other sites may not send it.
    return this.token === undefined ? { "X-Requested-With": "XMLHttpRequest" } : { Authorization: `Bearer ${this.token}` };
  }

  /** One page of the objects that a query finds. */
  read<T = ObjectRead>(query: Parameters, options?: CallOptions): Promise<Page<T>> {
    return this.call<Page<T>>("read", { authenticator: false, ...query }, options);
  }

  /** All objects that a query finds, page by page, whatever comes and goes meanwhile. */
  async *iterate<T = ObjectRead>(query: Parameters, options?: CallOptions): AsyncGenerator<T, void, undefined> {
    let next: string | undefined;
    do {
      const page: Page<T> = await this.read<T>({ page_size: 200, ...query, ...(next === undefined ? {} : { next }) }, options);
      yield* page.objects;
      next = page.next;
    } while (next !== undefined);
  }

  /** Changes many objects at once, all or none: `{ obj_uid, fields, version }` each. `partial` does what can be done. */
  updateMany(
    entries: { obj_uid?: string; obj_path?: string; version?: number; fields: Parameters }[],
    more: { partial?: boolean; dry_run?: boolean } = {},
    options?: CallOptions,
  ): Promise<Batch> {
    return this.call<Batch>("update_many", { input_values: entries, ...more }, options);
  }

  /** What may be done with each object, called as in a language; with `explain` also why everything else may not. */
  async transitions(uids: string[], explain = false, options: CallOptions & { language?: string } = {}): Promise<Allowed[]> {
    const asked = { uid: uids, explain, ...(options.language === undefined ? {} : { language: options.language }) };
    const found = await this.call<Answer & { transitions: Allowed[] }>("allowedTransitionsFor_many", asked, options);
    return found.transitions;
  }

  /** Takes a transition of many objects, all or none unless `partial`. */
  take(
    action: string,
    uids: string[],
    more: { comment?: string; partial?: boolean; dry_run?: boolean } & Partial<Proof> = {},
    options?: CallOptions,
  ): Promise<Batch> {
    return this.call<Batch>("doActionFor_many", { action, uids, ...more }, options);
  }

  /**
   * What changes from now on, or since a cursor: a list of changes as soon as there are any, with the cursor to go on
   * from. They come on a stream of events; where there is none, or no place in one, by calls that wait. It ends by the
   * signal, and goes on when the server was busy or away.
   */
  async *changes(filter: ChangesFilter = {}, signal?: AbortSignal): AsyncGenerator<Changes, void, undefined> {
    let since = filter.since ?? "now";
    let pause = 1;
    let callsLeft = 0;
    while (!signal?.aborted) {
      try {
        const source = callsLeft > 0 ? this.awaited(filter, since, signal) : this.streamed(filter, since, signal);
        for await (const found of source) {
          since = found.cursor;
          pause = 1;
          if (found.changes.length) yield found;
        }
        // A stream has ended: the server stops, or begins anew.
        if (callsLeft > 0) callsLeft -= 1;
        else await asleep(1000, signal);
      } catch (error) {
        if (signal?.aborted) return;
        if (error instanceof NoStream) {
          callsLeft = CALLS_BETWEEN_STREAMS;
          continue;
        }
        const mayPass = !(error instanceof ApiFailure) || error.status === 503 || error.status === 429;
        if (!mayPass) throw error;
        pause = Math.min(60, error instanceof ApiFailure && error.retryAfter ? error.retryAfter : pause * 2);
        await asleep(pause * 1000, signal);
      }
    }
  }

  private async *awaited(filter: ChangesFilter, since: string, signal?: AbortSignal): AsyncGenerator<Changes, void, undefined> {
    const waits = since === "now" ? {} : { wait: 25 };
    yield await this.call<Answer & Changes>("changes", { ...filter, since, ...waits }, signal === undefined ? {} : { signal });
  }

  /** The changes as events of one answer, those that come together at once. It ends with the connection. */
  private async *streamed(filter: ChangesFilter, since: string, signal?: AbortSignal): AsyncGenerator<Changes, void, undefined> {
    const query = new URLSearchParams({ since });
    for (const type of [filter.portal_type ?? []].flat()) query.append("portal_type", type);
    if (filter.path !== undefined) query.set("path", filter.path);
    const begun = Date.now();
    const silence = new AbortController();
    const stop = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]);
    let timer = setTimeout(() => silence.abort(), LONGEST_SILENCE);
    try {
      const headers = { ...this.credentials(), Accept: "text/event-stream" };
      const credentials = this.token === undefined ? "include" : "omit";
      const response = await this.fetch(`${this.url("changes")}?${query}`, { headers, credentials, signal: stop });
      if (response.status === 503) throw new NoStream();
      if (!response.headers.get("Content-Type")?.startsWith("text/event-stream") || !response.body) {
        if (response.ok) throw new NoStream();
        throw new ApiFailure(await asJson(response), response.status, secondsOf(response));
      }
      for await (const events of eventsOf(response.body)) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), LONGEST_SILENCE);
        const ended = events.find((event) => event.name === "end");
        const told = events.filter((event) => event.name === "message" && event.data !== "");
        const cursor = events.findLast((event) => event.id !== "")?.id;
        if (cursor !== undefined) yield { changes: told.map((event) => JSON.parse(event.data) as Change), cursor };
        if (ended) throw new ApiFailure(JSON.parse(ended.data) as Record<string, unknown>, 503);
      }
      if (Date.now() - begun < SHORTEST_STREAM) throw new NoStream();
    } catch (error) {
      // Something on the way gathers the answer in a buffer: then it is no stream.
      throw silence.signal.aborted ? new NoStream() : error;
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }
}

async function asJson(response: Response): Promise<Record<string, unknown>> {
  try {
    return (await response.json()) as Record<string, unknown>;
  } catch {
    return { success: false, message: `The server answered ${response.status} without JSON.`, status: response.status };
  }
}

function secondsOf(response: Response): number | null {
  const wait = Number(response.headers.get("Retry-After"));
  return wait > 0 ? wait : null;
}

/** Milliseconds after which a stream that tells nothing, not even that it lives, is none. */
const LONGEST_SILENCE = 90_000;

/** Milliseconds that a stream lasts at least; a server that cannot keep one open answers at once, and ends. */
const SHORTEST_STREAM = 2_000;

/** Calls that wait before a stream is tried again: a few minutes. */
const CALLS_BETWEEN_STREAMS = 8;

/** The server has no place for a stream of events, or something on the way lets none through. */
class NoStream extends Error {}

interface ServerEvent {
  name: string;
  id: string;
  data: string;
}

/** Server-sent events, those that come in one piece together. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent[], void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (text + decoder.decode(value, { stream: true })).replace(/\r\n?/g, "\n").split("\n\n");
      text = blocks.pop() ?? "";
      yield blocks.map(eventOf);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function eventOf(block: string): ServerEvent {
  const found: ServerEvent = { name: "message", id: "", data: "" };
  const lines: string[] = [];
  for (const line of block.split("\n")) {
    const [, name, value = ""] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
    if (name === "event") found.name = value;
    if (name === "id") found.id = value;
    if (name === "data") lines.push(value);
  }
  found.data = lines.join("\n");
  return found;
}

function asleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
