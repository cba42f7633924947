// What is directly in the object, page by page.
import { useEffect, useState } from "preact/hooks";
import type { ObjectRead } from "../../objapi";
import { api, asking, messageOf } from "../../frame/api";
import { tell } from "../../frame/notices";
import { t } from "../../frame/texts";
import { object } from "./object";

const SIZE = 50;

export default function Contents() {
  const [items, setItems] = useState<ObjectRead[] | null>(null);
  const [next, setNext] = useState<string | undefined>();
  const path = object.value?.path ?? "";
  const load = async (from?: string) => {
    try {
      const query = { catalog_name: "uid_catalog", path: { query: path, depth: 1 }, sort_on: "title", page_size: SIZE };
      const answer = await asking(
        api.read({ ...query, include_fields: ["UID", "id", "title", "portal_type", "folded_state"], ...(from ? { next: from } : {}) }),
      );
      setItems((earlier) => [...(from ? (earlier ?? []) : []), ...answer.objects]);
      setNext(answer.next);
    } catch (error) {
      tell(messageOf(error), "bad");
    }
  };
  useEffect(() => void load(), [path]);
  return (
    <section class="part" aria-labelledby="contents-heading">
      <h2 id="contents-heading" class="hidden">{t("Contents")}</h2>
      {items?.length === 0 && <p class="none">{t("It contains nothing that you may see.")}</p>}
      {items !== null && items.length > 0 && (
        <div class="wide">
          <table class="listing">
            <thead>
              <tr>
                <th scope="col">{t("Title")}</th>
                <th scope="col">{t("Number")}</th>
                <th scope="col">{t("Type")}</th>
              </tr>
            </thead>
            <tbody>
              {items.map((item) => (
                <tr key={item.UID}>
                  <td>
                    <a href={item.path}>{item.title || item.id}</a>
                  </td>
                  <td>{item.id}</td>
                  <td>{item.portal_type}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {next !== undefined && (
        <button type="button" onClick={() => load(next)}>
          {t("More")}
        </button>
      )}
    </section>
  );
}
