// A type as the API describes it.
import type { Value } from "../../objapi";

export interface FieldDescription {
  name: string;
  title: string;
  about?: string;
  kind: string;
  required: boolean;
  multi: boolean;
  read_only: boolean;
  targets?: string[];
  subfields?: string[];
  required_subfields?: string[];
  vocabulary?: Record<string, string>;
  precision?: number;
  default?: Value;
  /** Another field under whose name the value is kept. */
  alias_of?: string;
  write_permission?: string;
  /** Most types have it. */
  common?: boolean;
}

/** The title, then what is the type's own, then what most types have. */
export function ordered(fields: FieldDescription[]): FieldDescription[] {
  const rank = (field: FieldDescription) => (field.name === "title" ? 0 : field.common ? 2 : 1);
  return [...fields].sort((one, other) => rank(one) - rank(other));
}

export interface TypeDescription {
  portal_type: string;
  title: string;
  about: string;
  contains: string[];
  workflows: { id: string; state_variable: string; title?: string }[];
  catalogs: string[];
  /** The sheet in which results that the object holds are entered, for types that have one. */
  /** Names of its charts. */
  charts: string[];
  result_sheet: { title: string; titles: Record<string, string> } | null;
  title_required: boolean;
  /** What is given when an object is made, beside its fields. */
  create_parameters: FieldDescription[];
  fields: FieldDescription[];
}
