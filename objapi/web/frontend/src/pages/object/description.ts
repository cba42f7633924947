// A type as the API describes it.

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
}

export interface TypeDescription {
  portal_type: string;
  title: string;
  about: string;
  contains: string[];
  workflows: { id: string; state_variable: string }[];
  catalogs: string[];
  fields: FieldDescription[];
}
