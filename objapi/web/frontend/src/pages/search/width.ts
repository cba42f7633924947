// Whether there is room beside the result: what stands there is folded up on a phone.

export function isWide(): boolean {
  return matchMedia("(min-width: 55rem)").matches;
}
