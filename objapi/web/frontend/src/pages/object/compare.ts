// Two texts compared by words: what stayed, what went, what came.

export interface Piece {
  kind: "same" | "gone" | "new";
  text: string;
}

const MOST_WORDS = 600;

export function compare(before: string, after: string): Piece[] {
  if (before === after) return before ? [{ kind: "same", text: before }] : [];
  const one = words(before);
  const other = words(after);
  if (one.length > MOST_WORDS || other.length > MOST_WORDS || !shareWords(one, other)) {
    return [...whole("gone", before), ...whole("new", after)];
  }
  return joined(pieces(one, other, lengths(one, other)));
}

function words(text: string): string[] {
  return text.match(/\s+|[^\s]+/g) ?? [];
}

/** Texts that have hardly a word in common are read more easily side by side. */
function shareWords(one: string[], other: string[]): boolean {
  const known = new Set(one.filter((word) => word.trim()));
  const common = other.filter((word) => known.has(word)).length;
  return common * 3 >= Math.max(one.length, other.length) / 2;
}

function whole(kind: Piece["kind"], text: string): Piece[] {
  return text ? [{ kind, text }] : [];
}

/** The longest common sequence of each pair of ends. */
function lengths(one: string[], other: string[]): number[][] {
  const found = Array.from({ length: one.length + 1 }, () => new Array<number>(other.length + 1).fill(0));
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      const row = found[i] as number[];
      const below = found[i + 1] as number[];
      row[j] = one[i] === other[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return found;
}

function pieces(one: string[], other: string[], length: number[][]): Piece[] {
  const found: Piece[] = [];
  let i = 0;
  let j = 0;
  while (i < one.length || j < other.length) {
    if (i < one.length && j < other.length && one[i] === other[j]) {
      found.push({ kind: "same", text: one[i++] ?? "" });
      j++;
    } else if (j >= other.length || (i < one.length && (length[i + 1]?.[j] ?? 0) >= (length[i]?.[j + 1] ?? 0))) {
      found.push({ kind: "gone", text: one[i++] ?? "" });
    } else {
      found.push({ kind: "new", text: other[j++] ?? "" });
    }
  }
  return found;
}

function joined(found: Piece[]): Piece[] {
  const result: Piece[] = [];
  for (const piece of found) {
    const last = result.at(-1);
    if (last && last.kind === piece.kind) last.text += piece.text;
    else result.push({ ...piece });
  }
  return result;
}
