// By what the sound is played, and the switch for it. Main thread.
import { Way } from './audio_client_worklet.js';
import { el } from './dom.js';

/** Where the choice is remembered. */
const REMEMBERED = 'auralis.player';

/** A switch: the browser's own player instead of this page's. */
export class PlayerChoice {
  /** The way that was chosen on an earlier visit, if any. */
  static remembered() {
    try {
      return Object.values(Way).find((way) => way === localStorage.getItem(REMEMBERED));
    } catch {
      return undefined;
    }
  }

  /**
   * @param {HTMLElement} place
   * @param {import('./audio_client_worklet.js').AuralisClient} client
   */
  constructor(place, client) {
    this.button = el('button', { type: 'button', role: 'switch', 'aria-labelledby': 'player-label' });
    this.button.addEventListener('click', () => {
      const way = client.way === Way.ELEMENT ? Way.WEB_AUDIO : Way.ELEMENT;
      try {
        localStorage.setItem(REMEMBERED, way);
      } catch {
        // A browser that keeps nothing is asked again next time.
      }
      client.choose(way);
    });
    const label = el('span', { id: 'player-label' }, 'Play on behind a locked screen');
    place.append(el('div', { class: 'switch' }, label, this.button));
    this.show(client.stats());
  }

  show({ backend }) {
    this.button.setAttribute('aria-checked', backend === 'element');
  }
}
