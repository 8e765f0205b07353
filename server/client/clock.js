// The station's clock as it is known here: by questions and answers, as NTP does it (RFC 5905, section 8). Main thread
// (and node).

/** Round trips that are remembered. */
const TRIPS = 8;

/** Milliseconds are those of `performance.now()` here, and of the Unix epoch there. */
export class StationClock {
  constructor() {
    this.reset();
  }

  /** Forgets everything: the way to the station is another one. */
  reset() {
    this.trips = [];
  }

  /** Notes an answer: when it was asked and heard here, and the time that was told. */
  pong(sent, heard, told) {
    const trip = { length: heard - sent, offset: told - (sent + heard) / 2 };
    if (!(trip.length >= 0 && Number.isFinite(trip.offset))) return;
    this.trips.push(trip);
    if (this.trips.length > TRIPS) this.trips.shift();
  }

  /** Time to the station and back in ms, the median; null before it was measured. */
  get roundTrip() {
    const sorted = this.trips.map(({ length }) => length).sort((a, b) => a - b);
    return sorted.length === 0 ? null : sorted[sorted.length >> 1];
  }

  /** What the station's clock shows at a moment here; null before it was measured. By the shortest of the round trips:
   * what makes one longer mostly happens on one of both ways, and would be taken for a difference of the clocks. */
  at(moment) {
    if (this.trips.length === 0) return null;
    const best = this.trips.reduce((best, trip) => (trip.length < best.length ? trip : best));
    return moment + best.offset;
  }
}
