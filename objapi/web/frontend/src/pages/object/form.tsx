// What the forms of an object share: a field with its label, help and input, what is typed, and the server's messages.
import { type Signal, signal } from "@preact/signals";
import type { ApiFailure, ObjectRead, Value } from "../../objapi";
import { labelOf } from "../../frame/labels";
import { t } from "../../frame/texts";
import type { FieldDescription } from "./description";
import { Input } from "./inputs";

export type Written = Value | File;

export interface Form {
  /** What is typed, by field, where it is another value than below. */
  drafts: Signal<ReadonlyMap<string, Written>>;
  /** Why the server refuses a field. */
  faults: Signal<ReadonlyMap<string, string>>;
  /** The values below what is typed. */
  base: () => ObjectRead | undefined;
}

export function makeForm(base: () => ObjectRead | undefined): Form {
  return { drafts: signal(new Map()), faults: signal(new Map()), base };
}

interface FieldOf {
  form: Form;
  field: FieldDescription;
  /** A path: what a reference may lead to is looked for there first. */
  within: string;
  /** Told after a change. */
  changed?: (value: Written) => void;
}

export function FormField({ form, field, within, changed }: FieldOf) {
  const id = `field-${field.name}`;
  const draft = form.drafts.value.get(field.name);
  const fault = form.faults.value.get(field.name);
  const describedBy = [fault && `${id}-fault`, field.about && `${id}-about`].filter(Boolean).join(" ");
  return (
    <div class={`field${draft === undefined ? "" : " changed"}`}>
      <label for={id} id={`${id}-label`}>
        {labelOf(field)}
        {field.required && <span class="required"> ({t("required")})</span>}
      </label>
      <div>
        <Input
          id={id}
          field={field}
          value={draft === undefined ? valueBelow(form, field.name) : draft}
          object={form.base() as ObjectRead}
          within={within}
          invalid={fault !== undefined}
          describedBy={describedBy || undefined}
          change={(value) => {
            change(form, field.name, value);
            changed?.(value);
          }}
        />
        {field.about && (
          <p class="about" id={`${id}-about`}>
            {field.about}
          </p>
        )}
        {fault && (
          <p class="fault" id={`${id}-fault`}>
            {fault}
          </p>
        )}
      </div>
    </div>
  );
}

function valueBelow(form: Form, name: string): Value {
  return (form.base()?.[name] ?? null) as Value;
}

export function change(form: Form, name: string, value: Written): void {
  const found = new Map(form.drafts.value);
  if (same(value, valueBelow(form, name))) found.delete(name);
  else found.set(name, value);
  form.drafts.value = found;
  if (form.faults.value.has(name)) {
    const left = new Map(form.faults.value);
    left.delete(name);
    form.faults.value = left;
  }
}

export function same(one: Written, other: Value): boolean {
  const plain = (value: Written) => JSON.stringify(value === "" ? null : value);
  return !(one instanceof File) && plain(one) === plain(other);
}

/** What is typed as the parameters of a call; as a form where there are files. */
export function sent(form: Form, more: Record<string, string>): Record<string, unknown> | FormData {
  const drafts = [...form.drafts.value];
  if (!drafts.some(([, value]) => value instanceof File)) return { ...more, ...Object.fromEntries(drafts) };
  const data = new FormData();
  for (const [name, text] of Object.entries(more)) data.set(name, text);
  for (const [name, value] of drafts) {
    if (value instanceof File) data.set(name, value);
    else data.set(`${name}:json`, JSON.stringify(value));
  }
  return data;
}

/** Puts the server's messages beside their fields; says what is wrong beside. */
export function refuse(form: Form, error: ApiFailure, shown: (name: string) => boolean): string {
  const named = error.errors.filter((cause) => cause.field !== undefined && shown(cause.field));
  // Beside its field a message needs no name.
  form.faults.value = new Map(named.map(({ field = "", message }) => [field, message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message]));
  const others = error.errors.filter((cause) => !named.includes(cause)).map((cause) => cause.message);
  // Once the messages are drawn: some fields are shown only then.
  requestAnimationFrame(() => document.querySelector<HTMLElement>(".edit [aria-invalid=true]")?.focus());
  return named.length ? [t("Not saved: see the marked fields."), ...others].join(" ") : "";
}
