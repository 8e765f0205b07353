// The drawing of the graph that plays: boxes, lines between them, and how loud each is. Main thread. Where everything
// stands comes from the station; of a large graph only what is in view is in the page.
import { setText } from './dom.js';
import { neighbour, within, wordsFor } from './graph_places.js';
import { Meter, heightOf, readLevel } from './levels.js';
import { palette } from './palette.js';

const SVG = 'http://www.w3.org/2000/svg';
/** From so many nodes on, only what is in view is drawn, and so much around it, in pixels of the drawing. */
const MANY = 300;
const AROUND = 200;
/** Lines that are drawn at once, at most. */
const MOST_WAYS = 800;
/** The drawing is not made smaller than this to fit sideways, where fingers touch it, and in height: it is scrolled. */
const NARROWEST = 0.62;
const TOUCHED = 0.85;
const LOWEST = 0.85;
/** Width of a line in silence and at the ceiling, in pixels. */
const THIN = 1.5;
const WIDE = 7;
/** Steps of a level that are told apart; figures are renewed at every so many looks. */
const STEPS = 96;
const FIGURES = 5;
/** Milliseconds between two looks where motion is not wanted. */
const STILL = 1000;
/** Letters of a name that fit in its box. */
const LETTERS = 16;

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** The graph, drawn. */
export class GraphView {
  /**
   * @param {HTMLElement} place with `.patch-view` in it
   * @param {(name: string) => void} onPick what happens when a node is chosen
   */
  constructor(place, onPick) {
    this.onPick = onPick;
    this.frame = place.querySelector('.patch-view');
    this.ways = svg('g');
    this.labels = svg('g', { class: 'labels', 'aria-hidden': 'true' });
    this.boxes = svg('g');
    this.sheet = svg('svg', { role: 'group' }, this.ways, this.labels, this.boxes);
    this.frame.replaceChildren(this.sheet);
    this.colours = palette();
    this.graph = null;
    /** What is in the page, by name or key. */
    this.shown = { nodes: new Map(), ways: new Map() };
    this.meters = [];
    this.marks = new Map();
    this.muted = new Set();
    this.pointed = null;
    this.stop = null;
    this.looks = 0;
    this.heard = 0;
    this.touch = matchMedia('(pointer: coarse)');
    this.stillness = matchMedia('(prefers-reduced-motion: reduce)');
    this.sheet.addEventListener('click', (event) => this.pick(event.target.closest('.node')));
    this.sheet.addEventListener('keydown', (event) => this.press(event));
    this.sheet.addEventListener('focusin', (event) => this.name(event.target.closest('.node'), true));
    this.frame.addEventListener('scroll', () => this.later(), { passive: true });
    new ResizeObserver(() => this.fit()).observe(this.frame);
  }

  /** Draws a graph; what was drawn before and still is moves to its place. */
  show({ drawing, muted, preset }) {
    const fresh = this.graph !== null && this.preset === preset;
    const before = this.index ?? new Map();
    this.preset = preset;
    this.graph = { ...drawing, large: drawing.nodes.length > MANY };
    this.index = new Map(drawing.nodes.map((node, at) => [node.name, at]));
    this.news = new Set(fresh ? drawing.nodes.map(({ name }) => name).filter((name) => !before.has(name)) : []);
    this.keys = keysOf(drawing);
    this.edgeAt = new Map(this.keys.map((key, at) => [key, at]));
    this.links = linksOf(drawing);
    this.meters = this.sized();
    this.muted = new Set(muted);
    if (!this.index.has(this.stop)) this.stop = drawing.nodes[0]?.name ?? null;
    const count = drawing.nodes.length;
    this.sheet.setAttribute('aria-label', `Graph of ${count} ${count === 1 ? 'node' : 'nodes'}. Arrow keys lead from node to node.`);
    this.fit();
    for (const [name, shown] of this.shown.nodes) this.dress(name, shown);
    if (!fresh && count > 0) this.centre(drawing.nodes[0]);
  }

  /** Brings the place of a node into the middle, sideways: that of the first where another preset is drawn. */
  centre({ x }) {
    this.frame.scrollLeft = (x + this.graph.box[0] / 2) * this.scale - this.frame.clientWidth / 2;
    this.frame.scrollTop = 0;
    if (this.graph.large) this.draw();
  }

  /** A meter for each level that anything shows; those of nodes that stay go on. */
  sized() {
    const slots = this.graph.nodes.flatMap(({ levels }) => levels);
    const most = this.graph.edges.reduce((most, { level }) => Math.max(most, level ?? -1), Math.max(-1, ...slots));
    const meters = Array.from({ length: most + 1 }, () => new Meter());
    this.nodeMeters?.forEach((meter, name) => {
      const slot = this.graph.nodes[this.index.get(name)]?.levels[0];
      if (slot !== undefined) meters[slot] = meter;
    });
    this.nodeMeters = new Map();
    for (const { name, levels } of this.graph.nodes) {
      if (levels.length > 0) this.nodeMeters.set(name, meters[levels[0]]);
    }
    return meters;
  }

  /** Takes the frame's size. */
  fit() {
    if (!this.graph || this.frame.clientWidth === 0) return;
    const [width, height] = this.graph.size;
    const fits = (room, size, least) => Math.max(least, room / size);
    const { clientWidth, clientHeight } = this.frame;
    this.scale = Math.min(1, fits(clientWidth, width, this.touch.matches ? TOUCHED : NARROWEST), fits(clientHeight, height, LOWEST));
    this.sheet.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.sheet.setAttribute('width', Math.floor(width * this.scale));
    this.sheet.setAttribute('height', Math.floor(height * this.scale));
    this.draw();
  }

  later() {
    if (!this.graph?.large || this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  /** What of the drawing is in view. */
  get window() {
    if (!this.graph.large) return [-Infinity, -Infinity, Infinity, Infinity];
    const { scrollLeft: left, scrollTop: top, clientWidth: width, clientHeight: height } = this.frame;
    const part = [left, top, left + width, top + height].map((place) => place / this.scale);
    return [part[0] - AROUND, part[1] - AROUND, part[2] + AROUND, part[3] + AROUND];
  }

  /** Puts into the page what belongs there, and takes out what does not. */
  draw() {
    const { nodes, edges, box } = this.graph;
    const view = this.window;
    const inView = nodes.filter(({ x, y }) => within(view, x, y, x + box[0], y + box[1]));
    this.renew(this.shown.nodes, this.boxes, inView.map((node) => [node.name, node]), (node) => this.makeNode(node));
    for (const node of inView) this.placeNode(this.shown.nodes.get(node.name), node);
    const ways = [];
    for (let at = 0; at < edges.length && ways.length < MOST_WAYS; at += 1) {
      const [from, to] = [nodes[edges[at].from], nodes[edges[at].to]];
      const [left, right] = [Math.min(from.x, to.x), Math.max(from.x, to.x) + box[0]];
      const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y) + box[1]];
      if (within(view, left, top, right, bottom)) ways.push([this.keys[at], edges[at]]);
    }
    this.renew(this.shown.ways, this.ways, ways, (edge) => this.makeWay(edge));
    for (const [key, edge] of ways) this.placeWay(this.shown.ways.get(key), edge);
  }

  renew(shown, parent, wanted, make) {
    const keep = new Set(wanted.map(([key]) => key));
    for (const [key, { element, label }] of shown) {
      if (keep.has(key)) continue;
      element.remove();
      label?.remove();
      shown.delete(key);
    }
    for (const [key, thing] of wanted) {
      if (shown.has(key)) continue;
      const made = make(thing);
      shown.set(key, made);
      parent.append(made.element);
    }
  }

  makeNode({ name, kind }) {
    const [width, height] = this.graph.box;
    const title = [...name].length > LETTERS ? `${[...name].slice(0, LETTERS - 1).join('')}\u2026` : name;
    const figure = svg('text', { class: 'level', x: width - 11, y: 34 });
    const bar = svg('rect', { class: 'bar', x: 0, y: 0, width: width - 22, height: 3 });
    const peak = svg('rect', { class: 'peak', x: -1, y: -1.5, width: 2, height: 6 });
    const meter = svg(
      'g',
      { class: 'meter', transform: `translate(11 ${height - 10})` },
      svg('rect', { class: 'rail', width: width - 22, height: 3 }),
      bar,
      peak,
    );
    const badge = svg(
      'g',
      { class: 'badge', transform: `translate(${width - 2} 2)` },
      svg('circle', { r: 9 }),
      svg('text', { y: 4 }, '!'),
    );
    const element = svg(
      'g',
      { class: 'node', role: 'button', tabindex: -1, 'data-node': name },
      svg('title', {}, name),
      svg('rect', { class: 'box', width, height, rx: 7 }),
      svg('text', { class: 'name', x: 11, y: 19 }, title),
      svg('text', { class: 'kind', x: 11, y: 34 }, kind),
      figure,
      meter,
      badge,
    );
    if (this.news.has(name)) element.classList.add('new');
    return { element, bar, peak, figure, meter, room: width - 22 };
  }

  placeNode(shown, node) {
    shown.element.style.transform = `translate(${node.x}px, ${node.y}px)`;
    shown.meter.style.display = node.levels.length > 0 ? '' : 'none';
    shown.last = null;
    setText(shown.element.querySelector('.kind'), node.kind);
    this.dress(node.name, shown);
  }

  /** Shows what is to be said of a node, and whether the tabulator stops at it. */
  dress(name, shown) {
    const { element } = shown;
    const node = this.graph.nodes[this.index.get(name)];
    const mark = this.marks.get(name);
    element.dataset.state = this.muted.has(name) ? 'failed' : node?.runs === false ? 'idle' : 'runs';
    if (mark) element.dataset.mark = mark.severity;
    else delete element.dataset.mark;
    element.classList.toggle('pointed', name === this.pointed);
    element.setAttribute('tabindex', name === this.stop ? 0 : -1);
    if (this.muted.has(name)) setText(shown.figure, 'failed');
    else if (element.dataset.state === 'idle') setText(shown.figure, 'idle');
    else if (['failed', 'idle'].includes(shown.figure.textContent)) setText(shown.figure, '');
    this.name(element, false);
  }

  /** Gives a node its name for who cannot see it; how loud it is only when somebody comes to it. */
  name(element, level) {
    if (!element) return;
    const { node: name } = element.dataset;
    const node = this.graph.nodes[this.index.get(name)];
    if (!node) return;
    const words = wordsFor(node, this.links.get(name), {
      mistake: this.marks.get(name)?.message,
      failed: this.muted.has(name),
      level: level ? readLevel(this.nodeMeters.get(name)?.peak ?? -Infinity) : '',
    });
    element.setAttribute('aria-label', words);
  }

  makeWay({ flow }) {
    const bed = svg('path', { class: 'bed' });
    const stream = flow === 'audio' ? svg('path', { class: 'stream' }) : null;
    const element = svg('g', { class: 'wire', 'data-flow': flow }, bed, ...(stream ? [stream] : []));
    return { element, bed, stream, label: null, last: null };
  }

  placeWay(shown, { path, label, at }) {
    shown.bed.setAttribute('d', path);
    shown.stream?.setAttribute('d', path);
    shown.last = null;
    if (label === '') return;
    shown.label ??= this.labels.appendChild(svg('text', {}, label));
    shown.label.setAttribute('x', at[0]);
    shown.label.setAttribute('y', at[1] + 3);
  }

  /** Shows what the station pushed: levels in dB, and which nodes failed. */
  hear({ levels, muted }) {
    if (!this.graph) return;
    const now = performance.now();
    const seconds = Math.min((now - this.heard) / 1000, 1);
    this.heard = now;
    levels.forEach((level, slot) => this.meters[slot]?.take(level, seconds));
    if (muted.join() !== [...this.muted].join()) {
      this.muted = new Set(muted);
      for (const [name, shown] of this.shown.nodes) this.dress(name, shown);
    }
    if (this.stillness.matches && now - (this.looked ?? 0) < STILL) return;
    this.looked = now;
    this.look();
  }

  /** Shows nothing any more: no levels come. */
  rest() {
    for (const meter of this.meters) meter.take(-Infinity, Infinity);
    // The figures are renewed with the next look.
    this.looks = -1;
    if (this.graph) this.look();
  }

  look() {
    this.looks += 1;
    const { nodes, edges } = this.graph;
    for (const [name, shown] of this.shown.nodes) {
      const { levels } = nodes[this.index.get(name)];
      if (levels.length > 0) this.lookAtNode(shown, name, levels);
    }
    for (const [key, shown] of this.shown.ways) {
      const { level, gain } = edges[this.edgeAt.get(key)];
      if (shown.stream && level !== null) this.lookAtWay(shown, this.meters[level].level + gain);
    }
  }

  lookAtNode(shown, name, slots) {
    let [level, peak] = [-Infinity, -Infinity];
    for (const slot of slots) {
      level = Math.max(level, this.meters[slot].level);
      peak = Math.max(peak, this.meters[slot].peak);
    }
    const [at, top] = [heightOf(level), heightOf(peak)].map((height) => Math.round(height * STEPS));
    const now = `${at} ${top} ${peak > 0}`;
    if (now !== shown.last) {
      shown.last = now;
      shown.bar.style.transform = `scaleX(${at / STEPS})`;
      shown.bar.style.fill = this.colour(at / STEPS);
      shown.peak.style.transform = `translateX(${(top / STEPS) * shown.room}px)`;
      shown.peak.style.opacity = top > 0 ? 1 : 0;
      shown.element.classList.toggle('over', peak > 0);
    }
    const runs = shown.element.dataset.state === 'runs';
    if (runs && this.looks % (this.stillness.matches ? 1 : FIGURES) === 0) setText(shown.figure, readLevel(peak));
  }

  lookAtWay(shown, level) {
    const at = Math.round(heightOf(level) * STEPS);
    if (at === shown.last) return;
    shown.last = at;
    const { style } = shown.stream;
    style.opacity = at === 0 ? 0 : 1;
    style.strokeWidth = `${(THIN + (WIDE - THIN) * (at / STEPS) ** 1.6).toFixed(2)}px`;
    style.stroke = this.colour(at / STEPS);
  }

  /** Night water to northern light; dark enough never to be lost on the ground. */
  colour(height) {
    const at = Math.round((0.42 + 0.58 * height) * 255) * 4;
    return `rgb(${this.colours[at]} ${this.colours[at + 1]} ${this.colours[at + 2]})`;
  }

  /** Marks the nodes with mistakes. */
  mark(diagnostics) {
    this.marks = new Map();
    for (const { node, severity, message } of diagnostics) {
      const worse = severity === 'error' || !this.marks.has(node);
      if (node && worse && this.marks.get(node)?.severity !== 'error') this.marks.set(node, { severity, message });
    }
    for (const [name, shown] of this.shown.nodes) this.dress(name, shown);
  }

  /** Marks the node that the text cursor is in. */
  point(name) {
    if (name === this.pointed) return;
    const changed = [this.pointed, name];
    this.pointed = name;
    for (const one of changed) {
      if (this.shown.nodes.has(one)) this.dress(one, this.shown.nodes.get(one));
    }
  }

  pick(element) {
    if (!element) return;
    this.halt(element.dataset.node);
    this.onPick(element.dataset.node);
  }

  /** Makes a node the one at which the tabulator stops. */
  halt(name) {
    const before = this.stop;
    this.stop = name;
    for (const one of [before, name]) {
      if (this.shown.nodes.has(one)) this.dress(one, this.shown.nodes.get(one));
    }
  }

  press(event) {
    const element = event.target.closest('.node');
    if (!element || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter' || event.key === ' ') {
      // The space bar plays and pauses elsewhere.
      event.preventDefault();
      event.stopPropagation();
      this.pick(element);
      return;
    }
    const to = neighbour(this.graph.nodes, this.index.get(element.dataset.node), event.key);
    if (to === null) return;
    event.preventDefault();
    this.goTo(this.graph.nodes[to]);
  }

  /** Brings a node into view, and the focus to it. */
  goTo({ name, x, y }) {
    const [width, height] = this.graph.box;
    const { frame, scale } = this;
    const near = (start, size, at, room) =>
      Math.min(Math.max(start, at + size + 24 - room), at - 24);
    frame.scrollLeft = near(frame.scrollLeft, width * scale, x * scale, frame.clientWidth);
    frame.scrollTop = near(frame.scrollTop, height * scale, y * scale, frame.clientHeight);
    if (this.graph.large) this.draw();
    this.halt(name);
    this.shown.nodes.get(name)?.element.focus({ preventScroll: true });
  }
}

/** A key for each line that stays when others come and go. */
function keysOf({ nodes, edges }) {
  const counts = new Map();
  return edges.map(({ from, to, flow, label }) => {
    const key = `${nodes[from].name} ${nodes[to].name} ${flow} ${label}`;
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    return `${key} ${count}`;
  });
}

/** What each node is connected to, by name. */
function linksOf({ nodes, edges }) {
  const links = new Map(nodes.map(({ name }) => [name, { from: [], to: [] }]));
  for (const { from, to } of edges) {
    links.get(nodes[to].name).from.push(nodes[from].name);
    links.get(nodes[from].name).to.push(nodes[to].name);
  }
  return links;
}
