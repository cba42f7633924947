// New objects in the object of the page: the types that may be added to it, and a form made from the chosen type.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { type Answer, ApiFailure, type ObjectRead } from "../../objapi";
import { page } from "../../frame/data";
import { api, asking, messageOf } from "../../frame/api";
import { labelOf } from "../../frame/labels";
import { tell } from "../../frame/notices";
import { n, t } from "../../frame/texts";
import { listed } from "../../frame/values";
import type { FieldDescription, TypeDescription } from "./description";
import { change, type Form, FormField, makeForm, refuse, sent, type Written } from "./form";
import { object } from "./object";

interface Offered {
  portal_type: string;
  title: string;
  about: string;
}

type May = Answer & { objects: { can: { permissions: { permission: string; held: boolean; for?: string[] }[] }[] }[] };

const offered = signal<Offered[] | null>(null);

export default function New() {
  const place = object.value?.path ?? "";
  const [wanted, setWanted] = useState(typeOfAddress);
  useEffect(() => {
    const look = () => setWanted(typeOfAddress());
    addEventListener("hashchange", look);
    findOffered(place).catch((error: unknown) => tell(messageOf(error), "bad"));
    return () => removeEventListener("hashchange", look);
  }, [place]);
  if (wanted) return <NewForm key={wanted} portalType={wanted} />;
  if (offered.value === null) return null;
  if (!offered.value.length) return <p class="none">{t("There is nothing that you may add here.")}</p>;
  return (
    <section class="part" aria-labelledby="new-heading">
      <h2 id="new-heading" class="hidden">
        {t("New")}
      </h2>
      <ul class="offered">
        {offered.value.map((type) => (
          <li key={type.portal_type}>
            <a href={`#new/${encodeURIComponent(type.portal_type)}`}>{labelOf({ name: type.portal_type, title: type.title })}</a>
            <span class="soft">{type.about}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function typeOfAddress(): string {
  return decodeURIComponent(location.hash.split("/")[1] ?? "");
}

/** What the user may add to an object. */
async function findOffered(path: string): Promise<void> {
  const [may, listedTypes] = await Promise.all([
    asking(api.call<May>("can", { obj_path: path, can: "create" })),
    asking(api.call<Answer & { types: Offered[] }>("types", { language: page.language })),
  ]);
  const held = new Set((may.objects[0]?.can[0]?.permissions ?? []).filter((one) => one.held).flatMap((one) => one.for ?? []));
  const title = (type: Offered) => labelOf({ name: type.portal_type, title: type.title });
  offered.value = listedTypes.types.filter((type) => held.has(type.portal_type)).sort((one, other) => title(one).localeCompare(title(other)));
}

interface Sorted {
  first: FieldDescription[];
  more: FieldDescription[];
}

function NewForm({ portalType }: { portalType: string }) {
  const [type, setType] = useState<TypeDescription | null>(null);
  const [fields, setFields] = useState<Sorted>({ first: [], more: [] });
  const [form, setForm] = useState<Form | null>(null);
  const [busy, setBusy] = useState(false);
  const [open, setOpen] = useState(false);
  const container = object.value;
  useEffect(() => {
    const load = async () => {
      const found = (await asking(api.call<Answer & { type: TypeDescription }>(`types/${encodeURIComponent(portalType)}`, { language: page.language }))).type;
      const sorted = await sortedFields(found, container?.path ?? "");
      setFields(sorted);
      setForm(begun([...sorted.first, ...sorted.more], container));
      setType(found);
    };
    load().catch((error: unknown) => tell(messageOf(error), "bad"));
  }, []);
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (form?.drafts.value.size && !busy) event.preventDefault();
    };
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [form, busy]);
  if (!type || !form || !container) return null;
  const title = labelOf({ name: type.portal_type, title: type.title });
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const { path } = await asking(create(form, container.path, portalType));
      form.drafts.value = new Map();
      location.assign(path);
    } catch (error) {
      setBusy(false);
      const all = new Set([...fields.first, ...fields.more].map((field) => field.name));
      const told = error instanceof ApiFailure ? refuse(form, error, (name) => all.has(name)) : "";
      if (fields.more.some((field) => form.faults.value.has(field.name))) setOpen(true);
      tell(told || messageOf(error), "bad");
    }
  };
  const shown = (field: FieldDescription) => (
    <FormField
      key={field.name}
      form={form}
      field={field}
      within={container.path}
      changed={(value) => void tickWhatComesAlong(form, field, value, [...fields.first, ...fields.more]).catch((error: unknown) => tell(messageOf(error), "bad"))}
    />
  );
  return (
    <form class="edit" onSubmit={submit} noValidate aria-labelledby="new-heading">
      <h2 id="new-heading">{t("New: {type}", { type: title })}</h2>
      {type.about && <p class="soft">{type.about}</p>}
      {fields.first.map(shown)}
      {fields.more.length > 0 && (
        <details class="more" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>{n("{count} more field", "{count} more fields", fields.more.length)}</summary>
          {open && fields.more.map(shown)}
        </details>
      )}
      <div class="finish">
        <button type="submit" class="main" disabled={busy}>
          {t("Create")}
        </button>
        <a class="button" href="#new">
          {t("Another type")}
        </a>
      </div>
    </form>
  );
}

/** The title and what must be given, then the others that the user may write. */
async function sortedFields(type: TypeDescription, path: string): Promise<Sorted> {
  const writable = type.fields.filter((field) => !field.read_only && !field.alias_of);
  const asked = [...new Set(writable.flatMap((field) => field.write_permission ?? []))];
  const answer = asked.length ? await asking(api.call<May>("can", { obj_path: path, can: asked.map((name) => `permission:${name}`) })) : null;
  const held = new Set((answer?.objects[0]?.can ?? []).flatMap((one) => one.permissions).filter((one) => one.held).map((one) => one.permission));
  const told = writable.map((field) => (field.name === "title" && type.title_required ? { ...field, required: true } : field));
  const given = (field: FieldDescription) => field.name === "title" || (field.required && field.default === undefined);
  const first = told.filter(given).sort((one, other) => Number(other.name === "title") - Number(one.name === "title"));
  const may = (field: FieldDescription) => field.write_permission === undefined || held.has(field.write_permission);
  const rest = told.filter((field) => !given(field) && may(field));
  return {
    first: [...first, ...type.create_parameters.filter((field) => field.required)],
    more: [...rest.filter((field) => !field.common), ...type.create_parameters.filter((field) => !field.required), ...rest.filter((field) => field.common)],
  };
}

/** The form with the defaults of the type; a reference to objects such as the container leads to it. */
function begun(fields: FieldDescription[], container: ObjectRead | undefined): Form {
  const defaults = fields.filter((field) => field.default !== undefined).map((field) => [field.name, field.default] as const);
  const fitting = fields.filter((field) => field.kind === "reference" && !field.multi && field.targets?.includes(container?.portal_type ?? ""));
  const titles = fitting.map((field) => [`${field.name}_title`, container?.title || container?.id] as const);
  const base = { UID: "", path: "", id: "", portal_type: "", version: 0, ...Object.fromEntries([...defaults, ...titles]) } as ObjectRead;
  const form = makeForm(() => base);
  form.drafts.value = new Map(fitting.map((field) => [field.name, container?.UID ?? ""]));
  return form;
}

function create(form: Form, path: string, portalType: string): Promise<Answer & { path: string }> {
  const body = sent(form, { obj_path: path, obj_type: portalType });
  // Sent once more, for a connection that was lost, it makes nothing more.
  if (body instanceof FormData) return api.sendForm("create", body);
  return api.call("create", body, { key: crypto.randomUUID() });
}

/**
 * Ticks what a chosen object brings along: where it refers to several objects of the types of a list of the form, as a
 * profile does to its services, these are ticked in the list.
 */
async function tickWhatComesAlong(form: Form, field: FieldDescription, value: Written, fields: FieldDescription[]): Promise<void> {
  const lists = fields.filter((other) => other !== field && other.kind === "reference" && other.multi && other.required);
  const uids = value instanceof File ? [] : listed(value);
  if (field.kind !== "reference" || !lists.length || !uids.length) return;
  const types = await Promise.all((field.targets ?? []).map(described));
  const along = types.flatMap((type) => type.fields.filter((other) => other.kind === "reference" && other.multi && !other.read_only));
  const pairs = lists.flatMap((list) => along.filter((other) => String(other.targets) === String(list.targets)).map((other) => ({ list, other })));
  if (!pairs.length) return;
  const include_fields = ["UID", "title", ...pairs.map(({ other }) => other.name)];
  const found = await asking(api.read({ catalog_name: "uid_catalog", UID: uids, include_fields, page_size: uids.length }));
  for (const { list, other } of pairs) {
    const before = listed((form.drafts.value.get(list.name) ?? null) as never);
    const all = [...new Set([...before, ...found.objects.flatMap((item) => listed(item[other.name]))])];
    if (all.length > before.length) change(form, list.name, all);
  }
}

const descriptions = new Map<string, Promise<TypeDescription>>();

function described(portalType: string): Promise<TypeDescription> {
  const known = descriptions.get(portalType);
  if (known) return known;
  const asked = asking(api.call<Answer & { type: TypeDescription }>(`types/${encodeURIComponent(portalType)}`, { language: page.language })).then((answer) => answer.type);
  descriptions.set(portalType, asked);
  return asked;
}
