// Keeps a control in the user's hand: while it is being moved, and a moment longer, what others say must wait. Main
// thread (and node).

/** Milliseconds after the user's last move during which nobody else moves the control. */
const HOLD = 800;

/** Between the station and one control. */
export class Hold {
  /** @param {(...values: any[]) => void} show shows what the station says */
  constructor(show) {
    this.show = show;
    this.grasped = false;
    this.timer = null;
    this.latest = null;
  }

  /** The user takes the control in hand. */
  grasp() {
    this.grasped = true;
    clearTimeout(this.timer);
    this.timer = null;
  }

  /** The user lets go, or moved it by a key: soon others may again. */
  release() {
    this.grasped = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.latest !== null) this.show(...this.latest);
    }, HOLD);
  }

  /** The user moved it. */
  touch() {
    if (!this.grasped) this.release();
  }

  /** What the station says: shown now, or once the user has let go. */
  offer(...values) {
    this.latest = values;
    if (!this.grasped && this.timer === null) this.show(...values);
  }
}
