// The page of an object: its fields by kind.
import type { ObjectRead, Page } from "../../objapi";
import { first } from "../../frame/data";
import { t } from "../../frame/texts";
import { Fields } from "./fields";
import type { TypeDescription } from "./description";

export default function ObjectPage() {
  const object = first<Page<ObjectRead>>("read")?.objects[0];
  const type = first<{ type: TypeDescription }>("type")?.type;
  if (!object || !type) return <p>{t("There is no such object.")}</p>;
  const above = object.path.split("/").slice(0, -1);
  return (
    <>
      <nav class="crumbs" aria-label={t("Place")}>
        {above.slice(2).map((id, place) => (
          <a key={place} href={above.slice(0, place + 3).join("/")}>
            {id}
          </a>
        ))}
      </nav>
      <h1>
        {object.title || object.id} <small>{type.title || type.portal_type}</small>
      </h1>
      <Fields object={object} type={type} />
    </>
  );
}
