/** Thrown into code whose process has just crashed, so that nothing more of it happens; never an error of the simulation. */
export class SimCrash extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'SimCrash';
  }
}
