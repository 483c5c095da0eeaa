// Small questions in step: while some are being answered, those that come meanwhile wait and are asked together, in one turn of
// the event loop. A crowd then costs the one who answers few wake-ups, and somebody who is alone waits for nobody.

export class InStep {
  #underWay = 0;
  #waiting: (() => void)[] = [];

  async ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#underWay += 1;
    try {
      return await question();
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const resume of this.#waiting.splice(0)) resume();
    }
  }
}
