/** The one function of the encoder that Kelvin uses. */
export function encode(
  text: string,
  options?: { ecc?: "L" | "M" | "Q" | "H"; border?: number; boostEcc?: boolean },
): { version: number; size: number; data: boolean[][] };
