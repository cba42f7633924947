// The first page: what can be done from here.
import { page } from "../../frame/data";
import { t } from "../../frame/texts";

export default function Start() {
  return (
    <>
      <h1>{page.site.title}</h1>
      <p>{t("Scan or type a number to open what carries it.")}</p>
    </>
  );
}
