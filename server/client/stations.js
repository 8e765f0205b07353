// The stations of this server: which others there are, and one for a listener alone. Main thread.
import { el, setText } from './dom.js';
import { OwnStation } from './own_station.js';

/** Milliseconds between two looks at what the others play, while the page is seen. */
const LOOK = 30_000;

/** What is said of a station that is not in the list. */
const NO_LONGER_PUBLIC = 'This station is no longer played here.';
const PRIVATE_ENDED =
  'This station has ended: it was a private one that nobody was at for a minute, or the server was started anew.';
const PRIVATE =
  'This station is yours. Whoever you give the address of this page hears it too; a minute after the last one has gone it ends.';

/** The name of the station whose page has this address; none for the server's own page. */
export function stationOf(base) {
  return /\/s\/([^/]+)\/$/.exec(base.pathname)?.[1] ?? null;
}

/** The list, and the way to a station of one's own. Hidden where there is neither. */
export class Stations {
  /**
   * @param {HTMLElement} section
   * @param {URL} base where the page's station has its routes
   * @param {() => void} onPlay when one chooses the station that one is at
   */
  constructor(section, base, onPlay) {
    Object.assign(this, { section, onPlay });
    this.name = stationOf(base);
    this.root = this.name === null ? base : new URL('../../', base);
    this.note = section.querySelector('.note');
    this.list = section.querySelector('ul');
    this.own = new OwnStation(section.querySelector('.own'), this.root);
    /** The rows of the list by the names of their stations. */
    this.rows = new Map();
    this.ended = false;
    setInterval(() => document.hidden || this.load(), LOOK);
  }

  /** Shows them from now on, or does not ask: only who may listen is told. */
  allow(may) {
    this.allowed = may;
    this.load();
  }

  /** What the system calls this station. */
  get title() {
    return this.public && this.name !== null ? `Auralis \u00b7 ${this.name}` : 'Auralis';
  }

  async load() {
    if (!this.allowed) return;
    try {
      const response = await fetch(new URL('api/v1/stations', this.root));
      if (response.ok) this.show(await response.json());
    } catch {
      // The connection says that the server is away.
    }
  }

  show({ stations, private: own }) {
    const isHere = ({ name, default: usual }) => (this.name === null ? usual : name === this.name);
    this.public = stations.some(isHere);
    this.wasPublic ||= this.public;
    // What has the focus is not taken away for nothing.
    if (stations.map(({ name }) => name).join() !== [...this.rows.keys()].join()) {
      this.rows = new Map(stations.map(({ name }) => [name, new Row(name, this.root, this.onPlay)]));
      this.list.replaceChildren(...[...this.rows.values()].map(({ link }) => el('li', {}, link)));
    }
    for (const station of stations) this.rows.get(station.name).show(station, isHere(station));
    const alone = stations.length < 2 && this.public;
    this.list.hidden = alone;
    this.own.offer(own.most > 0 ? own.presets : []);
    this.section.hidden = alone && own.most === 0;
    this.tell();
  }

  /** The station of this page is no more, or is there again. */
  end(ended) {
    if (ended === this.ended) return;
    this.ended = ended;
    this.section.classList.toggle('first', ended);
    if (ended) this.own.open(true);
    this.tell();
  }

  tell() {
    const words = this.wasPublic ? NO_LONGER_PUBLIC : this.ended ? PRIVATE_ENDED : PRIVATE;
    this.note.hidden = !this.ended && (this.public ?? true);
    if (!this.note.hidden) setText(this.note, words);
  }
}

/** One station of the list. */
class Row {
  constructor(name, root, onPlay) {
    this.plays = el('strong');
    this.about = el('span', { class: 'tags' });
    const href = new URL(`s/${encodeURIComponent(name)}/#play`, root).href;
    this.link = el('a', { class: 'preset', href, 'data-station': name }, this.plays, this.about);
    this.link.addEventListener('click', (event) => {
      // The page is there already. Another tab may have it all the same.
      if (!this.here || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      onPlay();
    });
  }

  show({ name, preset_name: plays, active_clients: listeners, asleep }, here) {
    const many = listeners === 1 ? '1 listener' : `${listeners} listeners`;
    setText(this.plays, plays);
    setText(this.about, `${name} \u00b7 ${asleep ? 'sleeps until somebody comes' : many}`);
    this.here = here;
    if (here) this.link.setAttribute('aria-current', 'true');
    else this.link.removeAttribute('aria-current');
  }
}
