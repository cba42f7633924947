/**
 * The client of the API for pages in a browser: log in, read, iterate, update_many, transitions, changes.
 *
 * `new Api("/Plone")` works on the site that the page comes from, by its cookie; `new Api("https://host/Plone", { token })`
 * on another one, whose setting OBJAPI_ALLOWED_ORIGINS names the page's origin.
 */
export type Value = string | number | boolean | null | Value[] | {
    [name: string]: Value;
};
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
    facets?: Record<string, {
        values: {
            value: Value;
            count: number;
            title?: string;
        }[];
        more: boolean;
    }>;
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
    fields?: {
        field: string;
        old: Value;
        new: Value;
    }[];
    states?: {
        workflow: string;
        variable: string;
        transition: string | null;
        old: string | null;
        new: string | null;
        signature?: {
            meaning: string;
        };
    }[];
}
export interface Named {
    id: string;
    title: string;
}
/** A transition that the caller may take. */
export interface Step extends Named {
    /** It takes an electronic signature, which means this. */
    signature?: {
        meaning: string;
    };
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
    refused: {
        id: string;
        message: string;
    }[];
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
export declare class ApiFailure extends Error {
    readonly type: string;
    readonly status: number;
    readonly errors: Cause[];
    readonly requestId: string;
    readonly answer: Record<string, unknown>;
    /** Seconds after which to try again, when the server says so. */
    readonly retryAfter: number | null;
    constructor(answer: Record<string, unknown>, status: number, retryAfter?: number | null);
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
export declare class Api {
    readonly site: string;
    private readonly token;
    private readonly fetch;
    constructor(site: string, options?: Options);
    /** The URL of a method, or of a file: `url("types/Batch")`. */
    url(method: string): string;
    /** Begins a session, which the browser keeps. `code` is that of the second factor, for users who have one. */
    logIn(name: string, password: string, code?: string): Promise<void>;
    /** Calls any method. Raises ApiFailure. With `partial` an answer in which some could not be done is given, too. */
    call<T extends Answer = Answer>(method: string, parameters?: Parameters, options?: CallOptions): Promise<T>;
    /** Calls a method with a form, in which files may be. With `partial` in it, as `call` does. */
    sendForm<T extends Answer = Answer>(method: string, form: FormData, options?: CallOptions): Promise<T>;
    private send;
    private credentials;
    /** One page of the objects that a query finds. */
    read<T = ObjectRead>(query: Parameters, options?: CallOptions): Promise<Page<T>>;
    /** All objects that a query finds, page by page, whatever comes and goes meanwhile. */
    iterate<T = ObjectRead>(query: Parameters, options?: CallOptions): AsyncGenerator<T, void, undefined>;
    /** Changes many objects at once, all or none: `{ obj_uid, fields, version }` each. `partial` does what can be done. */
    updateMany(entries: {
        obj_uid?: string;
        obj_path?: string;
        version?: number;
        fields: Parameters;
    }[], more?: {
        partial?: boolean;
        dry_run?: boolean;
    }, options?: CallOptions): Promise<Batch>;
    /** What may be done with each object, called as in a language; with `explain` also why everything else may not. */
    transitions(uids: string[], explain?: boolean, options?: CallOptions & {
        language?: string;
    }): Promise<Allowed[]>;
    /** Takes a transition of many objects, all or none unless `partial`. */
    take(action: string, uids: string[], more?: {
        comment?: string;
        partial?: boolean;
        dry_run?: boolean;
    } & Partial<Proof>, options?: CallOptions): Promise<Batch>;
    /**
     * What changes from now on, or since a cursor: a list of changes as soon as there are any, with the cursor to go on
     * from. They come on a stream of events; where there is none, or no place in one, by calls that wait. It ends by the
     * signal, and goes on when the server was busy or away.
     */
    changes(filter?: ChangesFilter, signal?: AbortSignal): AsyncGenerator<Changes, void, undefined>;
    private awaited;
    /** The changes as events of one answer, those that come together at once. It ends with the connection. */
    private streamed;
}
