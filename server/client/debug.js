// The page of figures: charts, tiles and tables of what the station pushes each second. Main thread.

import { Chart, short } from './chart.js';
import { byId, el, setText } from './dom.js';
import { EventFeed } from './event_feed.js';

const latency = (name) => (seen) => {
  const { p50, p95, p99, samples } = seen[name];
  return samples === 0 ? [null, null, null] : [p50, p95, p99];
};

const FORMATS = ['json', 'pcm16', 'opus', 'flac'];

/** Each chart: title, unit, lines, and the values of an event; `rate` gives a counter's growth in a second. */
const CHARTS = [
  ['Rendering of a chunk', 'ms', ['p50', 'p95', 'p99'], latency('synthesis_latency_ms')],
  ['Network', 'ms', ['p50', 'p95', 'p99'], latency('network_latency_ms')],
  ['Ears behind the clock', 'ms', ['p50', 'p95', 'p99'], latency('end_to_end_latency_ms')],
  ['Buffer ahead of the clock', 'chunks', ['least'], (seen) => [depth(seen)]],
  ['Listeners', '', [...FORMATS], (seen) => FORMATS.map((format) => seen.listeners_by_format[format])],
  ['Listeners of streams', '', ['opus', 'flac', 'wav'], (seen) => streams(seen.listeners_by_format)],
  ['Processor', '%', ['used'], (seen, rate) => [rate('cpu_sec', seen.cpu_sec, 100)]],
  ['Threads that render', '%', ['needed'], (seen) => [seen.pool.load * 100]],
  ['Memory', 'MB', ['resident', 'allocated'], (seen) => [seen.memory_usage_mb, seen.memory.allocated_mb]],
  ['Sent', 'kB/s', ['sent'], (seen, rate) => [rate('sent_bytes', seen.sent_bytes, 1e-3)]],
];

const TILES = [
  ['Stations', (seen) => seen.stations],
  ['Private stations', (seen) => seen.private_stations],
  ['Listeners', (seen) => seen.listeners],
  ['Underruns', (seen) => seen.buffer_underruns, true],
  ['Overflows', (seen) => seen.buffer_overflows, true],
  ['Underruns at listeners', (seen) => seen.listener_underruns, true],
  ['Faults', (seen) => seen.faults, true],
  ['Disconnects', (seen) => seen.disconnects],
  ['Open files', (seen) => seen.open_files],
  ['Threads', (seen) => seen.threads],
  ['Peak memory, MB', (seen) => seen.memory.peak_mb],
  ['Growth, MB an hour', (seen) => seen.memory.growth_mb_per_hour],
];

const STATIONS = [
  ['Station', 'name'],
  ['Stations', 'stations'],
  ['Asleep', 'asleep'],
  ['Listeners', 'listeners'],
  ['Buffer, chunks', 'buffer_depth'],
  ["Listeners' buffers, ms", 'listener_buffer_ms'],
  ['Muted nodes', 'muted'],
  ['Relief', 'relief'],
];

const CLIENTS = [
  ['Listener', 'id'],
  ['Station', 'station'],
  ['Format', 'format'],
  ['Since, s', 'connected_sec'],
  ['Chunks', 'sent_chunks'],
  ['Bytes', 'sent_bytes'],
  ['Missed', 'dropped_chunks'],
  ['Underruns', 'underruns'],
  ['Buffer, ms', 'buffer_ms'],
  ['Lag, chunks', 'lag_chunks'],
  ['Round trip, ms', 'round_trip_ms'],
  ['Behind, ms', 'delay_ms'],
];

const OWNERS = [
  ['Held by', 'name'],
  ['MB', 'mb'],
];

function depth(seen) {
  const awake = seen.sights.filter((sight) => sight.asleep < sight.stations);
  return awake.length === 0 ? null : Math.min(...awake.map((sight) => sight.buffer_depth));
}

function streams(by) {
  return [by.stream_opus, by.stream_oga + by.stream_flac, by.stream_wav];
}

const charts = CHARTS.map(([title, unit, lines, values]) => ({ chart: new Chart(title, unit, lines), values }));
byId('charts').append(...charts.map(({ chart }) => chart.element));

const tiles = TILES.map(([name, value, bad]) => {
  const text = el('dd', {}, '–');
  const tile = el('div', {}, el('dt', {}, name), text);
  byId('tiles').append(tile);
  return { tile, text, value, bad };
});

/** Counters as they were, with when that was. */
const before = new Map();

function rateAt(time) {
  return (name, value, scale) => {
    const last = before.get(name);
    before.set(name, { time, value });
    // A counter that fell is one of a program that was started again.
    if (!last || time <= last.time || value < last.value) return null;
    return ((value - last.value) / ((time - last.time) / 1000)) * scale;
  };
}

function table(id, columns, rows) {
  const cell = (value) => (typeof value === 'number' ? short(value) : (value ?? '–'));
  byId(id).replaceChildren(
    el('thead', {}, el('tr', {}, ...columns.map(([name]) => el('th', { scope: 'col' }, name)))),
    el('tbody', {}, ...rows.map((row) => el('tr', {}, ...columns.map(([, key]) => el('td', {}, String(cell(row[key]))))))),
  );
}

function show(seen) {
  const rate = rateAt(Date.parse(seen.timestamp));
  charts.forEach(({ chart, values }) => chart.push(values(seen, rate)));
  tiles.forEach(({ tile, text, value, bad }) => {
    const now = value(seen);
    setText(text, short(now));
    tile.dataset.bad = String(Boolean(bad && now > 0));
  });
  table('stations', STATIONS, seen.sights);
  table('owners', OWNERS, seen.memory.owners);
  byId('clients-section').hidden = !seen.clients;
  if (seen.clients) table('clients', CLIENTS, seen.clients);
}

const LINKS = {
  [EventSource.OPEN]: ['open', 'Live'],
  [EventSource.CONNECTING]: ['connecting', 'Connecting'],
  [EventSource.CLOSED]: ['lost', 'Refused, trying again'],
};

function link(state) {
  const [lamp, text] = LINKS[state];
  byId('link').dataset.link = lamp;
  setText(byId('link-text'), text);
}

new EventFeed(new URL('api/v1/figures', document.baseURI), show, link);
