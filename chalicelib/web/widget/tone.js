/** A short, soft tone of two notes, made on the spot: no recording is fetched for it. */

const NOTES = [[660, 0], [880, 0.12]];
const LENGTH_S = 0.5;

/** Make the sound, and wait until it is over. */
export async function tone() {
  const context = new AudioContext();
  for (const [frequency, at] of NOTES) play(context, frequency, context.currentTime + at);
  await new Promise((resolve) => { setTimeout(resolve, LENGTH_S * 1000); });
  await context.close();
}

function play(context, frequency, at) {
  const note = new OscillatorNode(context, { type: "sine", frequency });
  const loudness = new GainNode(context, { gain: 0 });
  loudness.gain.setValueAtTime(0, at);
  loudness.gain.linearRampToValueAtTime(0.12, at + 0.015);
  loudness.gain.exponentialRampToValueAtTime(0.001, at + LENGTH_S - 0.15);
  note.connect(loudness).connect(context.destination);
  note.start(at);
  note.stop(at + LENGTH_S - 0.12);
}
