// The controls that a preset exposes: sliders, switches and choices. Main thread.
import { formatValue } from './curves.js';
import { el } from './dom.js';
import { Hold } from './hold.js';
import { Slider } from './slider.js';

/** A control that is on or off. */
class Switch {
  constructor(control, onInput) {
    const id = `switch-${control.name}`;
    this.hold = new Hold((value) => this.draw(value));
    this.button = el('button', { type: 'button', role: 'switch', 'data-control': control.name });
    this.button.setAttribute('aria-labelledby', id);
    this.button.addEventListener('click', () => {
      this.hold.touch();
      this.draw(this.on ? 0 : 1);
      onInput(this.on ? 1 : 0);
    });
    this.element = el('div', { class: 'switch' }, el('span', { id }, control.label), this.button);
  }

  show(value) {
    this.hold.offer(value);
  }

  draw(value) {
    this.on = value >= 0.5;
    this.button.setAttribute('aria-checked', this.on);
  }
}

/** A control that is one of several words. */
class Choice {
  constructor(control, onInput) {
    this.hold = new Hold((value) => this.draw(value));
    this.inputs = control.choices.map((word, index) => {
      const input = el('input', { type: 'radio', name: `choice-${control.name}`, value: word });
      input.addEventListener('change', () => {
        this.hold.touch();
        onInput(index);
      });
      return input;
    });
    const words = this.inputs.map((input) => el('label', { class: 'word' }, input, el('span', {}, input.value)));
    this.element = el(
      'fieldset',
      { class: 'choice', 'data-control': control.name },
      el('legend', {}, control.label),
      el('div', { class: 'words' }, ...words),
    );
  }

  show(value) {
    this.hold.offer(value);
  }

  draw(value) {
    this.inputs.forEach((input, index) => {
      input.checked = index === Math.round(value);
    });
  }
}

function slider(control, onInput) {
  const [min, max] = control.range;
  const range = { min, max, curve: control.curve };
  return new Slider({
    label: control.label,
    range,
    name: control.name,
    initial: control.default,
    format: (value) => formatValue(value, control.unit, range),
    onInput,
  });
}

/** The surface of one preset, made anew for each. */
export class Controls {
  /**
   * @param {HTMLElement} place
   * @param {(name: string, value: number) => void} onInput
   */
  constructor(place, onInput) {
    this.place = place;
    this.onInput = onInput;
    this.widgets = new Map();
  }

  /** Shows these controls instead of those that were there. */
  build(controls) {
    this.widgets.clear();
    for (const control of controls) {
      const onInput = (value) => this.onInput(control.name, value);
      let widget;
      if (control.switch) widget = new Switch(control, onInput);
      else if (control.choices) widget = new Choice(control, onInput);
      else widget = slider(control, onInput);
      widget.show(control.value ?? control.default);
      this.widgets.set(control.name, widget);
    }
    const elements = [...this.widgets.values()].map(({ element }) => element);
    this.place.replaceChildren(...elements);
    this.place.closest('section').hidden = elements.length === 0;
  }

  /** Shows values by name. */
  show(params) {
    for (const [name, value] of Object.entries(params)) this.widgets.get(name)?.show(value);
  }
}
