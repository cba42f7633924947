// The tree of what contains other things, read as it is opened.
import { useEffect, useState } from "preact/hooks";
import type { ObjectRead, Page } from "../../objapi";
import { api, asking, messageOf } from "../../frame/api";
import { page } from "../../frame/data";
import { tell } from "../../frame/notices";
import { t } from "../../frame/texts";
import { isWide } from "./width";
import { contentsOf, types, widest } from "./catalogs";
import { change, search } from "./result";

const SIZE = 50;

export function Tree() {
  return (
    <nav class="tree" aria-label={t("Places")}>
      <details open={isWide()}>
        <summary>{t("Places")}</summary>
        <ul>
          <Node path={page.site.url} title={page.site.title} opened />
        </ul>
      </details>
    </nav>
  );
}

/** The place whose contents the tree shows now. */
export function shownPlace(): string | undefined {
  const { criteria, type } = search.value;
  const [only] = criteria;
  return !type && criteria.length === 1 && only?.index === "path" ? only.values[0] : undefined;
}

function Node({ path, title, opened = false }: { path: string; title: string; opened?: boolean }) {
  const [open, setOpen] = useState(false);
  const [items, setItems] = useState<ObjectRead[] | null>(null);
  const [next, setNext] = useState<string | undefined>();
  const load = async (from?: string) => {
    try {
      const answer: Page = await asking(api.read({ ...containersIn(path), ...(from ? { next: from } : {}) }));
      setItems((earlier) => [...(from ? (earlier ?? []) : []), ...answer.objects]);
      setNext(answer.next);
    } catch (error) {
      tell(messageOf(error), "bad");
    }
  };
  const unfold = () => {
    if (!open && items === null) void load();
    setOpen(!open);
  };
  useEffect(() => {
    if (opened) unfold();
  }, []);
  return (
    <li>
      <div class="node">
        <button type="button" class="plain" aria-expanded={open} aria-label={t("What is in {title}", { title })} onClick={unfold}>
          {open ? "▾" : "▸"}
        </button>
        <button type="button" class="plain place" aria-current={shownPlace() === path ? "true" : undefined} onClick={() => change(contentsOf(path))}>
          {title}
        </button>
      </div>
      {open && items !== null && (
        <ul>
          {items.map((item) => (
            <Node key={item.UID} path={item.path} title={item.title || item.id} />
          ))}
          {!items.length && <li class="none">{t("no further places")}</li>}
          {next !== undefined && (
            <li>
              <button type="button" class="plain" onClick={() => load(next)}>
                {t("More")}
              </button>
            </li>
          )}
        </ul>
      )}
    </li>
  );
}

/** What contains something itself; the rest is shown beside the tree. */
function containersIn(path: string) {
  const containers = [...new Set(types.value.flatMap((type) => type.containers))];
  const catalog_name = widest();
  const include_fields = ["UID", "id", "title", "portal_type"];
  return { catalog_name, path: { query: path, depth: 1 }, portal_type: containers, sort_on: "title", include_fields, page_size: SIZE };
}
