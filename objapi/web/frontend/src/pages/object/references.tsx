// A field that refers to other objects: those chosen, and a search among what it may refer to, by part of the title.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ObjectRead, Value } from "../../objapi";
import { api, asking, messageOf } from "../../frame/api";
import { tell } from "../../frame/notices";
import { t } from "../../frame/texts";
import { listed } from "../../frame/values";
import type { InputOf } from "./inputs";

const SOON = 200;
const MOST = 20;

export function References({ id, field, value, object, within, invalid, describedBy, change }: InputOf) {
  const known = useRef(new Map<string, string>());
  if (!known.current.size) {
    const titles = listed(object[`${field.name}_title`]);
    // What a new object begins with is nothing stored, but has its titles beside.
    listed(object[field.name] ?? (value as Value)).forEach((uid, place) => known.current.set(uid, titles[place] || uid));
  }
  const uids = listed(value as Value);
  const put = (found: string[]) => change(field.multi ? found : (found[0] ?? null));
  return (
    <div class="references">
      {uids.length > 0 && (
        <ul class="chosen">
          {uids.map((uid) => (
            <li key={uid}>
              {known.current.get(uid) ?? uid}{" "}
              <button
                type="button"
                class="plain"
                aria-label={t("Remove {title}", { title: known.current.get(uid) ?? uid })}
                onClick={() => put(uids.filter((other) => other !== uid))}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      <Search
        id={id}
        targets={field.targets ?? []}
        within={within}
        invalid={invalid}
        describedBy={describedBy}
        required={field.required}
        pick={(found) => {
          known.current.set(found.UID, found.title || found.id);
          put(field.multi ? [...uids.filter((uid) => uid !== found.UID), found.UID] : [found.UID]);
        }}
      />
    </div>
  );
}

/** What a reference may lead to, by part of the title: what is at hand first, then what is anywhere. */
export async function candidates(targets: string[], within: string, text: string, signal: AbortSignal, most = MOST): Promise<ObjectRead[]> {
  const query = { catalog_name: "uid_catalog", portal_type: targets, include_fields: ["UID", "id", "title", "portal_type"], page_size: most };
  const part = text.trim() ? { title: { contains: text.trim() } } : {};
  const asked = { ...query, ...part, sort_on: "title" };
  const [near, all] = await Promise.all([
    within ? api.read({ ...asked, path: within }, { signal }).then((answer) => answer.objects) : [],
    api.read(asked, { signal }).then((answer) => answer.objects),
  ]);
  return [...new Map([...near, ...all].map((item) => [item.UID, item])).values()].slice(0, most);
}

interface SearchOf {
  id: string;
  targets: string[];
  within: string;
  invalid: boolean;
  describedBy: string | undefined;
  required: boolean;
  pick: (found: ObjectRead) => void;
}

function Search({ id, targets, within, invalid, describedBy, required, pick }: SearchOf) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<ObjectRead[]>([]);
  const [at, setAt] = useState(-1);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (!open) return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      asking(candidates(targets, within, text, stop.signal))
        .then((objects) => {
          setFound(objects);
          setAt(-1);
        })
        .catch((error: unknown) => stop.signal.aborted || tell(messageOf(error), "bad"));
    }, SOON);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, open]);
  const choose = (one: ObjectRead | undefined) => {
    if (!one) return;
    pick(one);
    setText("");
    setOpen(false);
  };
  const keyed = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setOpen(true);
      setAt(Math.max(0, Math.min(found.length - 1, at + step)));
    } else if (event.key === "Enter" && open && at >= 0) {
      event.preventDefault();
      choose(found[at]);
    } else if (event.key === "Escape") {
      setOpen(false);
    }
  };
  return (
    <div class="search">
      <input
        id={id}
        role="combobox"
        aria-expanded={open && found.length > 0}
        aria-controls={`${id}-found`}
        aria-activedescendant={open && at >= 0 ? `${id}-found-${at}` : undefined}
        aria-autocomplete="list"
        aria-invalid={invalid ? "true" : undefined}
        aria-describedby={describedBy}
        aria-required={required}
        placeholder={t("Search")}
        autocomplete="off"
        value={text}
        onFocus={() => setOpen(true)}
        onBlur={() => setTimeout(() => setOpen(false), 150)}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setOpen(true);
        }}
        onKeyDown={keyed}
      />
      <ul id={`${id}-found`} role="listbox" aria-label={t("Found")} hidden={!open || !found.length}>
        {found.map((one, place) => (
          <li
            key={one.UID}
            id={`${id}-found-${place}`}
            role="option"
            aria-selected={place === at}
            onMouseDown={(event) => {
              event.preventDefault();
              choose(one);
            }}
          >
            {one.title || one.id} <small>{one.id}</small>
          </li>
        ))}
      </ul>
    </div>
  );
}
