// A worker with a model in it, as promises. See worker.js for what the two say to each other.

/**
 * @typedef {import("./worker.js").Order} Order
 * @typedef {import("./worker.js").Written} Written
 */

export class Writer {
  /** @param {Worker} worker */
  constructor(worker) {
    this.worker = worker;
    /** @type {(written: Written[]) => void} */
    this.onwrote = () => {};
    /** @type {Promise<any>} */
    this.last = Promise.resolve();
    this.gone = false;
    worker.onmessage = ({ data }) => {
      if (data.type === "wrote") this.onwrote(data.written);
      else if (data.type === "error") this.fail?.(new Error(data.message));
      else this.succeed?.(data);
    };
    /** Rejected when the worker itself fails, even before it was asked. @type {Promise<never>} */
    this.broken = new Promise((_, reject) => {
      worker.onerror = (event) => {
        event.preventDefault();
        this.gone = true;
        reject(new Error(`The model's worker stopped: ${event.message ?? "it did not load"}.`));
      };
    });
    this.broken.catch(() => {}); // who asks will hear of it
  }

  /**
   * @param {object} message
   * @returns {Promise<any>} the answer
   */
  ask(message) {
    // One message is under way at a time, so that an answer needs no name.
    const answer = this.last.then(() => {
      const answered = new Promise((succeed, fail) => {
        this.succeed = succeed;
        this.fail = fail;
        this.worker.postMessage(message);
      });
      return Promise.race([this.broken, answered]);
    });
    this.last = answer.catch(() => {});
    return answer;
  }

  /**
   * Take a model.
   *
   * @param {ArrayBuffer} file
   * @param {boolean} fresh as it was before training
   * @returns {Promise<number>} how many hidden units it has
   */
  async load(file, fresh) {
    return (await this.ask({ type: "load", file, fresh })).units;
  }

  /**
   * Write until the order is fulfilled or `stop` is called.
   *
   * @param {Order} order
   * @param {number | null} unit the hidden unit to watch
   * @param {(written: Written[]) => void} onwrote
   */
  async write(order, unit, onwrote) {
    this.onwrote = onwrote;
    await this.ask({ type: "generate", order, unit });
  }

  stop() {
    this.worker.postMessage({ type: "stop" });
  }

  /**
   * @param {number} unit
   * @returns {Promise<number[]>} its activation at each character of the last text
   */
  async activations(unit) {
    return (await this.ask({ type: "unit", unit })).values;
  }

  close() {
    this.worker.terminate();
  }
}
