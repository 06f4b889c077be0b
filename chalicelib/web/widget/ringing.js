/** A sound for a new message, in one of this browser's tabs. */

async function sound(lock) {
  if (lock) await (await import("../widget/tone.js")).tone();
}

/** Make the sound; what makes it is fetched at the first one. A browser lets no page sound that was not touched yet. */
export async function ring() {
  if (navigator.userActivation?.hasBeenActive === false) return;
  try {
    // However many tabs have the widget, one of them is enough.
    await (navigator.locks?.request("kefu:tone", { ifAvailable: true }, sound) ?? sound(true));
  } catch (error) {
    console.warn("kefu: there was no sound.", error);
  }
}
