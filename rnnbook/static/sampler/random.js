// Random numbers: the Mersenne Twister (Matsumoto and Nishimura, 1998), as PyTorch uses it.
//
// From the same seed it gives the numbers that torch draws on the CPU. An untrained model is its
// seed, so that the page can build it again and need not fetch it.

const N = 624;
const M = 397;

export class Random {
  /** @param {number} seed any integer; its lower 32 bits count */
  constructor(seed) {
    const state = (this.state = new Uint32Array(N));
    state[0] = seed; // modulo 2³²
    for (let i = 1; i < N; i++) {
      const previous = state[i - 1] ^ (state[i - 1] >>> 30);
      state[i] = Math.imul(1812433253, previous) + i;
    }
    this.next = N;
    /** @type {number | undefined} the second of a pair of normal numbers */
    this.spare = undefined;
  }

  /** @returns {number} an integer from 0 to 2³² − 1 */
  integer() {
    if (this.next === N) this.twist();
    let y = this.state[this.next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  twist() {
    const { state } = this;
    for (let i = 0; i < N; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
      state[i] = state[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.next = 0;
  }

  /** @returns {number} from 0 to below 1, of 53 random bits: torch's float64 */
  double() {
    const high = this.integer() & 0x1fffff;
    return (high * 2 ** 32 + this.integer()) / 2 ** 53;
  }

  /** @returns {number} from 0 to below 1, of 24 random bits: torch's float32 */
  float() {
    return (this.integer() & 0xffffff) / 2 ** 24;
  }

  /**
   * Fill an array from −bound to bound, evenly.
   *
   * @param {Float32Array} array
   * @param {number} bound
   */
  fillUniform(array, bound) {
    const low = Math.fround(-bound);
    const width = Math.fround(Math.fround(bound) - low);
    for (let i = 0; i < array.length; i++) array[i] = Math.fround(this.float() * width) + low;
  }

  /** @returns {number} a normal number: they come in pairs (Box and Muller, 1958) */
  normal() {
    const { spare } = this;
    if (spare !== undefined) {
      this.spare = undefined;
      return spare;
    }
    const angle = 2 * Math.PI * this.double();
    const radius = Math.sqrt(-2 * Math.log1p(-this.double()));
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /**
   * Fill an array with normal numbers, as torch does: fewer than 16 one by one, otherwise 16 at
   * once, and the last 16 anew if the length is no multiple of 16.
   *
   * @param {Float32Array} array
   */
  fillNormal(array) {
    if (array.length < 16) {
      for (let i = 0; i < array.length; i++) array[i] = this.normal();
      return;
    }
    for (let i = 0; i < array.length; i++) array[i] = this.float();
    const whole = array.length - (array.length % 16);
    for (let start = 0; start < whole; start += 16) pairs(array.subarray(start, start + 16));
    if (whole < array.length) {
      const last = array.subarray(-16);
      for (let i = 0; i < 16; i++) last[i] = this.float();
      pairs(last);
    }
  }
}

/** @param {Float32Array} uniform 16 numbers, replaced by normal ones */
function pairs(uniform) {
  for (let i = 0; i < 8; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform[i]));
    const angle = 2 * Math.PI * uniform[i + 8];
    uniform[i] = radius * Math.cos(angle);
    uniform[i + 8] = radius * Math.sin(angle);
  }
}
