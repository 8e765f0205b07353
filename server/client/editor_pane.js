// The pane with the preset's text and the drawing of its graph. Main thread. While it is closed, nothing of it is fetched,
// drawn or measured; while nobody can see it, nothing is measured.
import { LevelFeed } from './levels.js';
import { TextEditor } from './text_editor.js';
import { nodeAt } from './text_places.js';

/** Where it is remembered that the pane is open. */
const REMEMBERED = 'auralis.editor';

/** A pane that the operator opens. */
export class EditorPane {
  /**
   * @param {HTMLElement} panel
   * @param {URL} base where the station is
   * @param {import('./audio_client_worklet.js').AuralisClient} client
   */
  constructor(panel, base, client) {
    this.panel = panel;
    this.opener = panel.querySelector('.unfold');
    this.pane = panel.querySelector('.editor');
    this.place = panel.querySelector('.patch');
    this.text = new TextEditor(panel, base);
    const delay = () => client.delayMs;
    this.feed = new LevelFeed(base, delay, (frame) => this.hear(frame), () => this.view?.rest());
    this.view = null;
    this.now = null;
    this.seen = false;
    /** Where the nodes of the text in the field stand. */
    this.nodes = [];
    this.opener.addEventListener('click', () => this.unfold(!this.open));
    this.text.addEventListener('graph', ({ detail }) => this.draw(detail));
    this.text.addEventListener('checked', ({ detail }) => this.mark(detail));
    this.text.addEventListener('caret', () => this.point());
    document.addEventListener('visibilitychange', () => this.measure());
    new IntersectionObserver((entries) => {
      this.seen = entries.at(-1).isIntersecting;
      this.measure();
    }).observe(this.place);
    // It may have been started anew, with another text.
    client.addEventListener('reconnecting', () => this.text.forget());
  }

  get open() {
    return !this.pane.hidden;
  }

  /** Follows what plays, where this page may see it; a token may have expired. */
  follow(mayEdit, preset, edition) {
    if (!mayEdit) {
      this.panel.hidden = true;
      return;
    }
    this.now = [preset, edition];
    if (this.panel.hidden) {
      this.panel.hidden = false;
      if (remembered()) this.unfold(true);
    }
    if (this.open) this.text.follow(...this.now);
  }

  async unfold(open) {
    this.pane.hidden = !open;
    this.opener.setAttribute('aria-expanded', String(open));
    remember(open);
    if (open) {
      const { GraphView } = await import('./graph_view.js');
      this.view ??= new GraphView(this.place, (name) => this.pick(name));
      if (this.drawn) this.draw(this.drawn);
      await this.text.follow(...this.now);
    }
    this.measure();
  }

  /** Has levels pushed while they can be seen. */
  measure() {
    this.feed.run(this.open && this.seen && !document.hidden);
  }

  draw(graph) {
    this.drawn = graph;
    this.view?.show(graph);
    if (!this.text.dirty) this.nodes = graph.nodes;
    this.point();
  }

  hear(frame) {
    const { preset, edition } = this.drawn ?? {};
    if (frame.preset === preset && frame.edition === edition) this.view?.hear(frame);
  }

  mark({ diagnostics, nodes }) {
    if (nodes) this.nodes = nodes;
    else if (!this.text.dirty && this.drawn) this.nodes = this.drawn.nodes;
    this.view?.mark(diagnostics);
    this.point();
  }

  /** Marks the node in which the text cursor is. */
  point() {
    this.view?.point(document.activeElement === this.text.field ? nodeAt(this.nodes, this.text.line) : null);
  }

  /** Leads from a node to its place in the text. */
  pick(name) {
    const place = this.nodes.find((node) => node.name === name);
    if (place) this.text.go(place.line, place.column);
  }
}

function remember(open) {
  try {
    localStorage.setItem(REMEMBERED, open ? 'open' : 'closed');
  } catch {
    // A browser that keeps nothing begins with the pane closed.
  }
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED) === 'open';
  } catch {
    return false;
  }
}
