// A field that has to name several objects: all that there are, to be ticked; a long list is narrowed by part of the title.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ObjectRead, Value } from "../../objapi";
import { asking, messageOf } from "../../frame/api";
import { tell } from "../../frame/notices";
import { n, t } from "../../frame/texts";
import { listed } from "../../frame/values";
import type { InputOf } from "./inputs";
import { candidates } from "./references";

const SOON = 200;
const MOST = 200;

export function Checklist({ id, field, value, object, within, invalid, describedBy, change }: InputOf) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<ObjectRead[]>([]);
  const known = useRef(new Map<string, string>());
  const titles = listed(object[`${field.name}_title`]);
  listed(object[field.name]).forEach((uid, place) => known.current.set(uid, titles[place] || uid));
  for (const item of found) known.current.set(item.UID, item.title || item.id);
  const chosen = listed(value as Value);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(
      () => {
        asking(candidates(field.targets ?? [], within, text, stop.signal, MOST))
          .then(setFound)
          .catch((error: unknown) => stop.signal.aborted || tell(messageOf(error), "bad"));
      },
      text ? SOON : 0,
    );
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text]);
  const put = (uid: string, on: boolean) => change(on ? [...chosen, uid] : chosen.filter((other) => other !== uid));
  // What is chosen stays in sight whatever the list is narrowed to.
  const others = chosen.filter((uid) => !found.some((item) => item.UID === uid)).map((uid) => ({ UID: uid, title: known.current.get(uid) ?? uid }));
  const shown = [...others, ...found.map((item) => ({ UID: item.UID, title: item.title || item.id }))];
  return (
    <div class="checklist" role="group" aria-labelledby={`${id}-label`}>
      <div class="narrow">
        <input
          id={id}
          placeholder={t("Search")}
          autocomplete="off"
          aria-invalid={invalid ? "true" : undefined}
          aria-describedby={describedBy}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
        />
        <span class="soft" aria-live="polite">
          {n("{count} chosen", "{count} chosen", chosen.length)}
        </span>
      </div>
      <div class="ticks" tabIndex={0} role="group" aria-labelledby={`${id}-label`}>
        {shown.map((item) => (
          <label key={item.UID} class="tick">
            <input type="checkbox" checked={chosen.includes(item.UID)} onChange={(event) => put(item.UID, event.currentTarget.checked)} /> {item.title}
          </label>
        ))}
        {!shown.length && <span class="none">{t("Nothing is found.")}</span>}
      </div>
    </div>
  );
}
