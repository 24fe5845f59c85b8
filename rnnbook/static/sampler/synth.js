// A small instrument on Web Audio: a string that is plucked, by a few partials that die away.

/** @typedef {import("./score.js").Note} Note */

const PARTIALS = [0, 1, 0.5, 0.3, 0.2, 0.1, 0.05]; // from the constant, which is silent
const LOUDEST = 0.25; // of what the loudspeaker takes, for one note
const ATTACK = 0.008; // seconds; all below are, too
const DECAY = 0.6;
const RELEASE = 0.03;

/**
 * Put notes on the clock of an audio context, which plays them or renders them into memory.
 *
 * @param {BaseAudioContext} context
 * @param {Note[]} notes
 * @param {number} whole seconds in a whole note
 * @param {number} at where on the clock the tune's beginning is, in seconds
 */
export function schedule(context, notes, whole, at) {
  const real = new Float32Array(PARTIALS.length);
  const periodicWave = context.createPeriodicWave(real, Float32Array.from(PARTIALS));
  for (const { pitch, start, duration, volume } of notes) {
    const begin = at + start * whole;
    const end = begin + duration * whole;
    const frequency = 440 * 2 ** ((pitch - 69) / 12);
    const string = new OscillatorNode(context, { frequency, periodicWave });
    const loudness = new GainNode(context, { gain: 0 });
    loudness.gain
      .setValueAtTime(0, begin)
      .linearRampToValueAtTime((LOUDEST * volume) / 127, begin + ATTACK)
      .setTargetAtTime(0, begin + ATTACK, DECAY)
      .setTargetAtTime(0, Math.max(begin + ATTACK, end - RELEASE), RELEASE / 4);
    string.connect(loudness).connect(context.destination);
    string.start(begin);
    string.stop(end + RELEASE);
  }
}
