/** The one function of the decoder that Kelvin uses. */
export function decode(bytes: Uint8Array): any;
