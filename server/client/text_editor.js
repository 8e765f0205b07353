// The preset's text, for the operator: checked while it is written, taken over when it is applied. Main thread.
import { el, setText } from './dom.js';

/** Milliseconds of rest after which what was written is checked. */
const REST = 400;

/** A text field, its mistakes, and what can be done with it. */
export class TextEditor {
  /**
   * @param {HTMLElement} panel with `textarea`, `.mistakes`, `.apply`, `.revert` and `.state` in it
   * @param {URL} base where the station is
   */
  constructor(panel, base) {
    Object.assign(this, { panel, base });
    [this.field, this.list, this.applies, this.reverts, this.state] = [
      'textarea',
      '.mistakes',
      '.apply',
      '.revert',
      '.state',
    ].map((selector) => panel.querySelector(selector));
    /** The text that plays, and which edition of which preset it is. */
    this.playing = '';
    this.edition = null;
    this.field.addEventListener('input', () => this.changed());
    this.field.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.apply();
    });
    this.applies.addEventListener('click', () => this.apply());
    this.reverts.addEventListener('click', () => this.revert());
  }

  get dirty() {
    return this.field.value !== this.playing;
  }

  /** Shows the text of what plays, where this page may; what was written and not applied stays. */
  async follow(mayEdit, preset, edition) {
    const now = `${preset} ${edition}`;
    if (!mayEdit || now === this.edition) return;
    this.edition = now;
    const { ok, body } = await this.ask('GET', 'graph');
    if (!ok || now !== this.edition) return;
    this.panel.hidden = false;
    // A text field knows one kind of line end.
    const text = body.text.replaceAll('\r\n', '\n');
    const written = this.dirty && this.playing !== '';
    this.playing = text;
    if (this.dirty) {
      if (written) this.say('The station plays another text now; yours is not applied.');
      else this.revert();
    }
    this.show();
  }

  changed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), REST);
    this.show();
  }

  show() {
    this.applies.disabled = !this.dirty;
    this.reverts.disabled = !this.dirty;
  }

  async check() {
    const text = this.field.value;
    const { ok, body } = await this.ask('POST', 'check', text);
    if (text !== this.field.value) return;
    this.mark(body.diagnostics ?? []);
    this.say(ok ? '' : (body.diagnostics ? 'Not right yet: what plays goes on.' : body.detail));
  }

  async apply() {
    if (!this.dirty) return;
    clearTimeout(this.timer);
    const text = this.field.value;
    const { ok, body } = await this.ask('PUT', 'graph', text);
    this.mark(body.diagnostics ?? []);
    if (ok) this.playing = text;
    this.say(ok ? 'It plays.' : (body.diagnostics ? 'Not applied: what plays goes on.' : body.detail));
    this.show();
  }

  revert() {
    clearTimeout(this.timer);
    this.field.value = this.playing;
    this.mark([]);
    this.say('');
    this.show();
  }

  /** Lists mistakes; each leads to its place in the text. */
  mark(diagnostics) {
    const item = ({ severity, line, column, message, help }) => {
      const place = el('span', { class: 'place' }, `${line}:${column}`);
      const words = [place, ` ${message}`, ...(help ? [el('span', { class: 'help' }, help)] : [])];
      const button = el('button', { type: 'button', class: 'mistake', 'data-severity': severity }, ...words);
      button.addEventListener('click', () => this.go(line, column));
      return el('li', {}, button);
    };
    this.list.replaceChildren(...diagnostics.map(item));
    this.field.setAttribute('aria-invalid', String(diagnostics.some(({ severity }) => severity === 'error')));
  }

  go(line, column) {
    const before = this.field.value.split('\n').slice(0, line - 1);
    // Columns count letters; the field counts in UTF-16.
    const letters = [...(this.field.value.split('\n')[line - 1] ?? '')].slice(0, column - 1).join('');
    const at = before.reduce((sum, text) => sum + text.length + 1, 0) + letters.length;
    this.field.focus();
    this.field.setSelectionRange(at, at);
    const height = Number.parseFloat(getComputedStyle(this.field).lineHeight) || 20;
    this.field.scrollTop = Math.max(0, (line - 5) * height);
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
}
