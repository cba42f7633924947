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
    const headers = { ...init.headers, Accept: "application/json" };
    if (this.token === void 0) headers["X-Requested-With"] = "XMLHttpRequest";
    else headers["Authorization"] = `Bearer ${this.token}`;
    const credentials = this.token === void 0 ? "include" : "omit";
    const signal = options.signal ?? null;
    const response = await this.fetch(this.url(method), { ...init, headers, credentials, signal });
    const answer = await asJson(response);
    answer["request_id"] ??= response.headers.get("X-Request-Id") ?? "";
    const partly = partial && answer["type"] === "PartlyDone";
    if (answer["success"] !== true && !partly) {
      const wait = Number(response.headers.get("Retry-After"));
      throw new ApiFailure(answer, response.status, wait > 0 ? wait : null);
    }
    return answer;
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
  /** What may be done with each object; with `explain` also why everything else may not. */
  async transitions(uids, explain = false, options) {
    const found = await this.call("allowedTransitionsFor_many", { uid: uids, explain }, options);
    return found.transitions;
  }
  /** Takes a transition of many objects, all or none unless `partial`. */
  take(action, uids, more = {}, options) {
    return this.call("doActionFor_many", { action, uids, ...more }, options);
  }
  /**
   * What changes from now on, or since a cursor: a list of changes as soon as there are any, with the cursor to go on
   * from. It ends by the signal, and waits when the server is busy or away.
   */
  async *changes(filter = {}, signal) {
    let since = filter.since ?? "now";
    let pause = 1;
    const options = signal === void 0 ? {} : { signal };
    while (!signal?.aborted) {
      try {
        const waits = since === "now" ? {} : { wait: 25 };
        const found = await this.call("changes", { ...filter, since, ...waits }, options);
        since = found.cursor;
        pause = 1;
        if (found.changes.length) yield { changes: found.changes, cursor: since };
      } catch (error) {
        if (signal?.aborted) return;
        const mayPass = !(error instanceof ApiFailure) || error.status === 503 || error.status === 429;
        if (!mayPass) throw error;
        pause = Math.min(60, error instanceof ApiFailure && error.retryAfter ? error.retryAfter : pause * 2);
        await asleep(pause * 1e3, signal);
      }
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
