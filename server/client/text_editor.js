// The preset's text, for the operator: checked while it is written, taken over when it is applied, and taken back again.
// Main thread.
import { el, setText } from './dom.js';
import { middle, offsetOf } from './text_places.js';

/** Milliseconds of rest after which what was written is checked. */
const REST = 400;
/** Texts beyond this are put in whole: browsers take their time to keep such a change for their own undo. */
const LARGE = 200_000;

/**
 * A text field, its mistakes, and what can be done with it.
 * Events: `graph` (what plays, as the station gives it), `checked` (diagnostics and nodes of what is written), `caret`.
 */
export class TextEditor extends EventTarget {
  /**
   * @param {HTMLElement} panel with `textarea`, `.mistakes`, `.state` and a button for each deed in it
   * @param {URL} base where the station is
   */
  constructor(panel, base) {
    super();
    Object.assign(this, { panel, base });
    const find = (selector) => panel.querySelector(selector);
    [this.field, this.list, this.state] = ['textarea', '.mistakes', '.state'].map(find);
    this.deeds = Object.fromEntries(
      ['apply', 'revert', 'undo', 'redo'].map((deed) => [deed, find(`.${deed}`)]),
    );
    /** The text that plays, which edition of which preset it is, and how far one can go back and forth. */
    this.playing = '';
    this.edition = null;
    this.reach = { undo: 0, redo: 0 };
    this.field.addEventListener('input', () => this.changed());
    for (const type of ['keyup', 'click', 'focus']) {
      this.field.addEventListener(type, () => this.emit('caret'));
    }
    panel.addEventListener('keydown', (event) => this.press(event));
    for (const [deed, button] of Object.entries(this.deeds)) {
      button.addEventListener('click', () => this[deed]());
    }
  }

  get dirty() {
    return this.field.value !== this.playing;
  }

  /** Shows the text of what plays; what was written and not applied stays. */
  async follow(preset, edition) {
    const now = `${preset} ${edition}`;
    if (now === this.edition) return;
    this.edition = now;
    const { ok, body } = await this.ask('GET', 'graph');
    if (now !== this.edition) return;
    if (!ok) {
      this.edition = null;
      return;
    }
    // A text field knows one kind of line end.
    const text = body.text.replaceAll('\r\n', '\n');
    const written = this.dirty && this.playing !== '';
    this.playing = text;
    this.reach = body;
    if (this.dirty) {
      if (written) this.say('The station plays another text now; yours is not applied.');
      else this.put(text);
    }
    this.show();
    this.emit('graph', body);
  }

  /** The station may play another text under the same number. */
  forget() {
    this.edition = null;
  }

  changed() {
    if (this.putting) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), REST);
    this.show();
  }

  show() {
    const { apply, revert, undo, redo } = this.deeds;
    apply.disabled = !this.dirty;
    revert.disabled = !this.dirty;
    undo.disabled = this.reach.undo === 0;
    redo.disabled = this.reach.redo === 0;
  }

  /** Keys for what plays; those for the text are the field's own. */
  press(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    const key = event.key.toLowerCase();
    if (key === 'enter') {
      this.apply();
      return;
    }
    // With Alt, letters may be others; with AltGr, they are typed.
    const inField = event.target === this.field;
    if (event.getModifierState('AltGraph') || (inField && !event.altKey)) return;
    const z = key === 'z' || (event.altKey && event.code === 'KeyZ');
    if (!z && key !== 'y') return;
    event.preventDefault();
    if (key === 'y' || event.shiftKey) this.redo();
    else this.undo();
  }

  async check() {
    const text = this.field.value;
    const { ok, body } = await this.ask('POST', 'check', text);
    if (text !== this.field.value) return;
    this.mark(body);
    this.say(ok ? '' : (body.diagnostics ? 'Not right yet: what plays goes on.' : body.detail));
  }

  async apply() {
    if (!this.dirty) return;
    clearTimeout(this.timer);
    const text = this.field.value;
    const { ok, body } = await this.ask('PUT', 'graph', text);
    this.mark(body);
    if (ok) this.playing = text;
    this.say(ok ? 'It plays.' : (body.diagnostics ? 'Not applied: what plays goes on.' : body.detail));
    this.show();
  }

  revert() {
    this.put(this.playing);
    this.say('');
    this.show();
  }

  undo() {
    return this.step('undo', 'The text before plays again.');
  }

  redo() {
    return this.step('redo', 'The text after plays again.');
  }

  /** Has another version played; the field follows when it does. */
  async step(which, done) {
    if (this.reach[which] === 0) return;
    if (this.dirty) {
      this.say('Apply or revert what is written first.');
      return;
    }
    const { ok, body } = await this.ask('POST', which);
    this.mark(body);
    this.say(ok ? done : body.detail);
  }

  /** Puts another text in the field, so that the field's own undo brings back what was there. */
  put(text) {
    clearTimeout(this.timer);
    const { field } = this;
    const before = document.activeElement;
    // A keyboard that flies in on a screen of glass for this would be worse than an undo less.
    const keeps = field.value !== '' && text.length < LARGE && !matchMedia('(pointer: coarse)').matches;
    const { from, to, words } = middle(field.value, text);
    this.putting = true;
    if (keeps && this.panel.contains(before)) {
      field.focus({ preventScroll: true });
      field.setSelectionRange(from, to);
      document.execCommand(words === '' ? 'delete' : 'insertText', false, words);
      if (before !== field) before.focus({ preventScroll: true });
    }
    if (field.value !== text) field.value = text;
    this.putting = false;
    this.mark({});
  }

  /** Lists mistakes; each leads to its place in the text. */
  mark({ diagnostics = [], nodes = null }) {
    const item = ({ severity, line, column, message, help }) => {
      const place = el('span', { class: 'place' }, `${line}:${column}`);
      const words = [place, ` ${message}`, ...(help ? [el('span', { class: 'help' }, help)] : [])];
      const button = el('button', { type: 'button', class: 'mistake', 'data-severity': severity }, ...words);
      button.addEventListener('click', () => this.go(line, column));
      return el('li', {}, button);
    };
    this.list.replaceChildren(...diagnostics.map(item));
    this.field.setAttribute('aria-invalid', String(diagnostics.some(({ severity }) => severity === 'error')));
    this.emit('checked', { diagnostics, nodes });
  }

  /** The line of the text cursor, from 1. */
  get line() {
    return this.field.value.slice(0, this.field.selectionStart).split('\n').length;
  }

  go(line, column) {
    const at = offsetOf(this.field.value, line, column);
    this.field.focus();
    this.field.setSelectionRange(at, at);
    const height = Number.parseFloat(getComputedStyle(this.field).lineHeight) || 20;
    this.field.scrollTop = Math.max(0, (line - 5) * height);
    this.emit('caret');
  }

  say(text) {
    setText(this.state, text);
  }

  /** Asks the station; what it answers, or that it cannot be reached. */
  async ask(method, route, text) {
    try {
      const response = await fetch(new URL(`api/v1/${route}`, this.base), { method, body: text });
      return { ok: response.ok, body: await response.json() };
    } catch {
      return { ok: false, body: { detail: 'the station cannot be reached' } };
    }
  }

  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
