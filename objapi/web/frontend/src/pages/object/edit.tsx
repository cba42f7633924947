// The form for the object's fields, made from its type: those that the user may write, with the server's messages beside.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiFailure, type Answer, type ObjectRead, type Value } from "../../objapi";
import { api, asking, messageOf } from "../../frame/api";
import { tell } from "../../frame/notices";
import { n, t } from "../../frame/texts";
import { Conflict, type Disagreement } from "./conflict";
import { ordered } from "./description";
import { FormField, makeForm, refuse, same, sent } from "./form";
import { object, readAnew, type } from "./object";

interface Permission {
  held: boolean;
  for: string[];
}

type May = Answer & { objects: { can: { allowed: boolean; permissions: Permission[]; reasons: { reason?: string }[] }[] }[] };

/** The object as it was when the form was filled, or last agreed upon. */
const base = signal<ObjectRead | undefined>(object.value);
const form = makeForm(() => base.value);
const { drafts, faults } = form;
const writable = signal<ReadonlySet<string> | null>(null);
const disagreements = signal<Disagreement[]>([]);
const busy = signal(false);

export default function Edit() {
  useEffect(() => {
    if (!drafts.value.size) base.value = object.value;
    findWritable().catch((error: unknown) => tell(messageOf(error), "bad"));
    const warn = (event: BeforeUnloadEvent) => {
      if (drafts.value.size) event.preventDefault();
    };
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [object.value?.version]);
  const fields = ordered(type?.fields ?? []).filter((field) => !field.alias_of && writable.value?.has(field.name) && base.value?.[field.name] !== undefined);
  const container = base.value?.path.replace(/\/[^/]*$/, "") ?? "";
  if (writable.value === null) return null;
  if (!fields.length) return <p class="none">{t("You may not change any of its fields now.")}</p>;
  return (
    <form class="edit" onSubmit={submit} noValidate aria-label={t("Edit")}>
      {disagreements.value.length > 0 && <Conflict found={disagreements.value} keep={keep} take={take} />}
      {fields.map((field) => (
        <FormField key={field.name} form={form} field={field} within={container} />
      ))}
      <div class="finish">
        <button type="submit" class="main" disabled={busy.value || !drafts.value.size || disagreements.value.length > 0}>
          {t("Save")}
        </button>
        <button type="button" disabled={!drafts.value.size} onClick={reset}>
          {t("Discard")}
        </button>
        <span class="soft">
          {drafts.value.size ? n("{count} field changed", "{count} fields changed", drafts.value.size) : t("nothing changed")}
        </span>
      </div>
    </form>
  );
}

function reset(): void {
  drafts.value = new Map();
  faults.value = new Map();
  disagreements.value = [];
  base.value = object.value;
}

async function findWritable(): Promise<void> {
  const answer = await asking(api.call<May>("can", { obj_path: base.value?.path, can: "update" }));
  const [can] = answer.objects[0]?.can ?? [];
  // A field may be named under several permissions: all of them are needed.
  const refused = new Set(can?.permissions.filter((one) => !one.held).flatMap((one) => one.for));
  const named = new Set(can?.permissions.flatMap((one) => one.for));
  const held = (type?.fields ?? []).filter((field) => !field.read_only && named.has(field.name) && !refused.has(field.name));
  writable.value = new Set(held.map((field) => field.name));
}

async function submit(event: Event): Promise<void> {
  event.preventDefault();
  busy.value = true;
  try {
    const answer = await asking(send());
    drafts.value = new Map();
    faults.value = new Map();
    object.value = await readAnew();
    base.value = object.value;
    tell(t("Saved."), "good");
    for (const warning of answer.warnings ?? []) tell(warning, "info");
  } catch (error) {
    await refused(error);
  } finally {
    busy.value = false;
  }
}

function send(): Promise<Answer> {
  const { UID, version } = base.value as ObjectRead;
  const body = sent(form, { obj_uid: UID });
  return body instanceof FormData ? api.sendForm("update", body, { version }) : api.call("update", body, { version });
}

async function refused(error: unknown): Promise<void> {
  if (!(error instanceof ApiFailure)) return tell(messageOf(error), "bad");
  if (error.status === 409 && error.type === "Conflict") {
    const now = await readAnew();
    if (now && now.version !== base.value?.version) return disagree(now);
  }
  tell(refuse(form, error, (name) => writable.value?.has(name) ?? false) || messageOf(error), "bad");
}

/** Somebody else has saved meanwhile. What only one has changed is kept as it is; the rest is asked for. */
function disagree(now: ObjectRead): void {
  const before = base.value as ObjectRead;
  const both = [...drafts.value].filter(([name]) => !same((before[name] ?? null) as Value, (now[name] ?? null) as Value));
  const found = both
    .filter(([name, mine]) => !same(mine, (now[name] ?? null) as Value))
    .map(([name, mine]) => ({ name, base: before, theirs: now, mine }));
  base.value = now;
  object.value = now;
  drafts.value = new Map([...drafts.value].filter(([name, mine]) => !same(mine, (now[name] ?? null) as Value)));
  disagreements.value = found;
  const told = t("Somebody else has saved this object meanwhile.");
  const next = found.length ? t("Decide about the fields that both have changed.") : t("Your changes fit; save again.");
  tell(`${told} ${next}`, "bad");
}

function settled(name: string): void {
  disagreements.value = disagreements.value.filter((item) => item.name !== name);
}

function keep(name: string): void {
  settled(name);
}

function take(name: string): void {
  const found = new Map(drafts.value);
  found.delete(name);
  drafts.value = found;
  settled(name);
}
