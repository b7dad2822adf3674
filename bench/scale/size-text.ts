/** `200,000`, `1M`. */
export function sizeText(size: number): string {
  return size % 1_000_000 === 0 ? `${size / 1_000_000}M` : size.toLocaleString('en');
}
