// src/objapi.ts
var ApiFailure = class extends Error {
  type;
  status;
  errors;
  requestId;
  answer;
  /** Seconds after which to try again, when the server says so. */
  retryAfter;
  constructor(answer, status, retryAfter = null) {
    super(String(answer["message"] ?? `The server answered ${status}.`));
    this.name = "ApiFailure";
    this.answer = answer;
    this.type = String(answer["type"] ?? "");
    this.status = Number(answer["status"] ?? status);
    this.errors = answer["errors"] ?? [];
    this.requestId = String(answer["request_id"] ?? "");
    this.retryAfter = retryAfter;
  }
};
var Api = class {
  site;
  token;
  fetch;
  constructor(site, options = {}) {
    this.site = site.replace(/\/+$/, "");
    this.token = options.token;
    this.fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }
  /** The URL of a method, or of a file: `url("types/Batch")`. */
  url(method) {
    return `${this.site}/@@API/${method}`;
  }
  /** Begins a session, which the browser keeps. `code` is that of the second factor, for users who have one. */
  async logIn(name, password, code) {
    const form = new URLSearchParams({ "form.submitted": "1", __ac_name: name, __ac_password: password });
    if (code !== void 0) form.set("__ac_code", code);
    const response = await this.fetch(`${this.site}/login_form`, { method: "POST", body: form, credentials: "include" });
    if (!response.ok || (await response.text()).includes("login_failed")) {
      throw new ApiFailure({ type: "Unauthorized", message: "The user name, the password or the code is wrong." }, 401);
    }
  }
  /** Calls any method. Raises ApiFailure. With `partial` an answer in which some could not be done is given, too. */
  async call(method, parameters = {}, options = {}) {
    const headers = { "Content-Type": "application/json" };
    if (options.version !== void 0) headers["If-Match"] = String(options.version);
    if (options.key !== void 0) headers["Idempotency-Key"] = options.key;
    return this.send(method, { method: "POST", headers, body: JSON.stringify(parameters) }, options, Boolean(parameters["partial"]));
  }
  /** Calls a method with a form, in which files may be. With `partial` in it, as `call` does. */
  async sendForm(method, form, options = {}) {
    const headers = { Prefer: "http-status" };
    if (options.version !== void 0) headers["If-Match"] = String(options.version);
    if (options.key !== void 0) headers["Idempotency-Key"] = options.key;
    return this.send(method, { method: "POST", headers, body: form }, options, Boolean(form.get("partial")));
  }
  async send(method, init, options, partial) {
    const headers = { ...init.headers, ...this.credentials(), Accept: "application/json" };
    const credentials = this.token === void 0 ? "include" : "omit";
    const signal = options.signal ?? null;
    const response = await this.fetch(this.url(method), { ...init, headers, credentials, signal });
    const answer = await asJson(response);
    answer["request_id"] ??= response.headers.get("X-Request-Id") ?? "";
    const partly = partial && answer["type"] === "PartlyDone";
    if (answer["success"] !== true && !partly) {
      throw new ApiFailure(answer, response.status, secondsOf(response));
    }
    return answer;
  }
  credentials() {
    return this.token === void 0 ? { "X-Requested-With": "XMLHttpRequest" } : { Authorization: `Bearer ${this.token}` };
  }
  /** One page of the objects that a query finds. */
  read(query, options) {
    return this.call("read", { authenticator: false, ...query }, options);
  }
  /** All objects that a query finds, page by page, whatever comes and goes meanwhile. */
  async *iterate(query, options) {
    let next;
    do {
      const page = await this.read({ page_size: 200, ...query, ...next === void 0 ? {} : { next } }, options);
      yield* page.objects;
      next = page.next;
    } while (next !== void 0);
  }
  /** Changes many objects at once, all or none: `{ obj_uid, fields, version }` each. `partial` does what can be done. */
  updateMany(entries, more = {}, options) {
    return this.call("update_many", { input_values: entries, ...more }, options);
  }
  /** What may be done with each object, called as in a language; with `explain` also why everything else may not. */
  async transitions(uids, explain = false, options = {}) {
    const asked = { uid: uids, explain, ...options.language === void 0 ? {} : { language: options.language } };
    const found = await this.call("allowedTransitionsFor_many", asked, options);
    return found.transitions;
  }
  /** Takes a transition of many objects, all or none unless `partial`. */
  take(action, uids, more = {}, options) {
    return this.call("doActionFor_many", { action, uids, ...more }, options);
  }
  /**
   * What changes from now on, or since a cursor: a list of changes as soon as there are any, with the cursor to go on
   * from. They come on a stream of events; where there is none, or no place in one, by calls that wait. It ends by the
   * signal, and goes on when the server was busy or away.
   */
  async *changes(filter = {}, signal) {
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
        if (callsLeft > 0) callsLeft -= 1;
        else await asleep(1e3, signal);
      } catch (error) {
        if (signal?.aborted) return;
        if (error instanceof NoStream) {
          callsLeft = CALLS_BETWEEN_STREAMS;
          continue;
        }
        const mayPass = !(error instanceof ApiFailure) || error.status === 503 || error.status === 429;
        if (!mayPass) throw error;
        pause = Math.min(60, error instanceof ApiFailure && error.retryAfter ? error.retryAfter : pause * 2);
        await asleep(pause * 1e3, signal);
      }
    }
  }
  async *awaited(filter, since, signal) {
    const waits = since === "now" ? {} : { wait: 25 };
    yield await this.call("changes", { ...filter, since, ...waits }, signal === void 0 ? {} : { signal });
  }
  /** The changes as events of one answer, those that come together at once. It ends with the connection. */
  async *streamed(filter, since, signal) {
    const query = new URLSearchParams({ since });
    for (const type of [filter.portal_type ?? []].flat()) query.append("portal_type", type);
    if (filter.path !== void 0) query.set("path", filter.path);
    const begun = Date.now();
    const silence = new AbortController();
    const stop = signal === void 0 ? silence.signal : AbortSignal.any([signal, silence.signal]);
    let timer = setTimeout(() => silence.abort(), LONGEST_SILENCE);
    try {
      const headers = { ...this.credentials(), Accept: "text/event-stream" };
      const credentials = this.token === void 0 ? "include" : "omit";
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
        if (cursor !== void 0) yield { changes: told.map((event) => JSON.parse(event.data)), cursor };
        if (ended) throw new ApiFailure(JSON.parse(ended.data), 503);
      }
      if (Date.now() - begun < SHORTEST_STREAM) throw new NoStream();
    } catch (error) {
      throw silence.signal.aborted ? new NoStream() : error;
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }
};
async function asJson(response) {
  try {
    return await response.json();
  } catch {
    return { success: false, message: `The server answered ${response.status} without JSON.`, status: response.status };
  }
}
function secondsOf(response) {
  const wait = Number(response.headers.get("Retry-After"));
  return wait > 0 ? wait : null;
}
var LONGEST_SILENCE = 9e4;
var SHORTEST_STREAM = 2e3;
var CALLS_BETWEEN_STREAMS = 8;
var NoStream = class extends Error {
};
async function* eventsOf(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (; ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (text + decoder.decode(value, { stream: true })).replace(/\r\n?/g, "\n").split("\n\n");
      text = blocks.pop() ?? "";
      yield blocks.map(eventOf);
    }
  } finally {
    await reader.cancel().catch(() => void 0);
  }
}
function eventOf(block) {
  const found = { name: "message", id: "", data: "" };
  const lines = [];
  for (const line of block.split("\n")) {
    const [, name, value = ""] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
    if (name === "event") found.name = value;
    if (name === "id") found.id = value;
    if (name === "data") lines.push(value);
  }
  found.data = lines.join("\n");
  return found;
}
function asleep(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
export {
  Api,
  ApiFailure
};
