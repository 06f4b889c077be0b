/** A new id: a UUID, or one as random where `crypto.randomUUID` is missing, as on a page without https. */
export function freshId() {
  const { crypto } = globalThis;
  if (crypto?.randomUUID) return crypto.randomUUID();
  if (crypto?.getRandomValues) {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(
      "",
    );
  }
  // Old React Native has neither: the time and what Math.random gives are unique enough within one user's messages.
  const digits = () =>
    Math.floor(Math.random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return `${Date.now().toString(16)}-${digits()}${digits()}${digits()}`;
}
