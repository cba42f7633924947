// Fields that two people have changed at once: before, theirs, mine, and a decision for each.
import { useEffect } from "preact/hooks";
import type { ObjectRead, Value } from "../../objapi";
import { Disagreements } from "../../frame/disagreements";
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
  const differences = found.map((item) => ({
    key: item.name,
    names: [labelOf(type?.fields.find((field) => field.name === item.name) ?? { name: item.name, title: "" })],
    before: stored(item.base, item.name),
    theirs: stored(item.theirs, item.name),
    mine: item.mine instanceof File ? item.mine.name : shownValue(item.mine),
    take: () => take(item.name),
    keep: () => keep(item.name),
  }));
  return <Disagreements id="conflict-heading" heads={[t("Field")]} found={differences} />;
}

function stored(object: ObjectRead, name: string): string {
  const targets = referred(object, name);
  return targets.length ? targets.map((target) => target.title).join(", ") : shownValue(object[name]);
}
