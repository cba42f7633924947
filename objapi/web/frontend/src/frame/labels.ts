// Names of fields as people read them, where the declarations have no title.

/** `ClientSampleID` is "Client sample ID", `review_state` is "Review state". */
export function labelOf(field: { name: string; title: string }): string {
  if (field.title && field.title !== field.name) return field.title;
  const words = field.name
    .replace(/_/g, " ")
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .trim()
    .split(/\s+/)
    .map((word) => (/^[A-Z]{2,}s?$/.test(word) ? word : word.toLowerCase()))
    .join(" ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
