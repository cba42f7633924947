// Fields that two people have changed at once: before, theirs, mine, and a decision for each.
import { useEffect } from "preact/hooks";
import type { ObjectRead, Value } from "../../objapi";
import { labelOf } from "../../frame/labels";
import { t } from "../../frame/texts";
import { referred, shownValue } from "../../frame/values";
import { type } from "./object";

export interface Disagreement {
  name: string;
  base: ObjectRead;
  theirs: ObjectRead;
  mine: Value | File;
}

interface Decisions {
  found: Disagreement[];
  keep: (name: string) => void;
  take: (name: string) => void;
}

export function Conflict({ found, keep, take }: Decisions) {
  // Whoever has sent the form is somewhere else on the page.
  useEffect(() => document.getElementById("conflict-heading")?.focus(), []);
  return (
    <section class="conflict" aria-labelledby="conflict-heading">
      <h2 id="conflict-heading" tabIndex={-1}>{t("Changed by both")}</h2>
      <div class="wide" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("Field")}</th>
              <th scope="col">{t("Before")}</th>
              <th scope="col">{t("Theirs")}</th>
              <th scope="col">{t("Mine")}</th>
              <th scope="col">{t("Decision")}</th>
            </tr>
          </thead>
          <tbody>
            {found.map((item) => (
              <tr key={item.name}>
                <th scope="row">{labelOf(type?.fields.find((field) => field.name === item.name) ?? { name: item.name, title: "" })}</th>
                <td>{stored(item.base, item.name)}</td>
                <td>{stored(item.theirs, item.name)}</td>
                <td>{item.mine instanceof File ? item.mine.name : shownValue(item.mine)}</td>
                <td>
                  <button type="button" onClick={() => take(item.name)}>
                    {t("Take theirs")}
                  </button>{" "}
                  <button type="button" onClick={() => keep(item.name)}>
                    {t("Keep mine")}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function stored(object: ObjectRead, name: string): string {
  const targets = referred(object, name);
  return targets.length ? targets.map((target) => target.title).join(", ") : shownValue(object[name]);
}
