// The page: puts the listener, the station and their views together. Main thread.
import { AuralisClient, Way } from './audio_client_worklet.js';
import { Link } from './connection.js';
import { Controls } from './controls.js';
import { formatValue } from './curves.js';
import { byId } from './dom.js';
import { EditorPane } from './editor_pane.js';
import { Hour } from './hour.js';
import { KeyPicker, showKey } from './key_picker.js';
import { MediaControls } from './media_session.js';
import { Phase } from './playout.js';
import { PlayerChoice } from './player_choice.js';
import { Presets } from './presets.js';
import { Readout, seconds, tempo } from './readout.js';
import { Rights } from './rights.js';
import { Scope } from './scope.js';
import { Slider } from './slider.js';
import { Station } from './station.js';
import { Stations } from './stations.js';
import { Transport } from './transport.js';

/** Milliseconds between two looks at the clock. */
const TICK = 250;
/** Tempo that may be asked for, and intensity. */
const BPM = { min: 40, max: 200, curve: 'lin' };
const INTENSITY = { min: 0, max: 1, curve: 'lin' };

// `?format=pcm16` listens without loss, `?format=json` by the compatible transport.
const asked = new URLSearchParams(location.search).get('format');
const formats = ['opus', 'pcm16', 'json'].includes(asked) ? [asked] : undefined;
const base = new URL('./', document.baseURI);
// Who asks for a format asks for the way that has it.
const client = new AuralisClient(base, { formats, way: formats ? Way.WEB_AUDIO : PlayerChoice.remembered() });
const player = new PlayerChoice(byId('player'), client);
const stations = new Stations(byId('stations'), base, () => client.play());
const mediaControls = new MediaControls(client);
const station = new Station(client, base);
const rights = new Rights(base);
const readout = new Readout();
const transport = new Transport(client);
const scope = new Scope(byId('scope'), () => client.output.analyser ?? null);
const hour = new Hour(byId('hour'));

const key = new KeyPicker((value) => station.wish({ key: value }));
const bpm = new Slider({
  label: 'Tempo',
  name: 'bpm',
  range: BPM,
  whole: 1,
  late: true,
  format: tempo,
  onInput: (value) => station.wish({ bpm: value }),
});
const intensity = new Slider({
  label: 'Intensity',
  name: 'intensity',
  range: INTENSITY,
  whole: 0.01,
  late: true,
  format: (value) => formatValue(value, '', INTENSITY),
  onInput: (value) => station.wish({ intensity: value }),
});
const controls = new Controls(byId('timbre'), (name, value) => station.wish({ params: { [name]: value } }));
const presets = new Presets(byId('presets'), byId('presets-note'), (id) => station.choose(id));
const editor = new EditorPane(byId('text-panel'), base, client);
byId('key').append(key.element);
byId('pulse').append(bpm.element, intensity.element);

/** What is about to change, in words: `C minor in 12 s`. */
function coming(text) {
  return `${text} in ${seconds(station.dueIn)}`;
}

/** Shows key, tempo and intensity: where they are, and where they will be. */
function showSettings() {
  const { playing } = station;
  if (!playing) return;
  const pending = playing.pending ?? {};
  const modulates = pending.key !== undefined && pending.key !== playing.key;
  key.show(pending.key ?? playing.key, playing.key, modulates ? coming(showKey(pending.key)) : '');
  for (const [slider, name, format] of [
    [bpm, 'bpm', tempo],
    [intensity, 'intensity', (value) => formatValue(value, '', INTENSITY)],
  ]) {
    const waits = pending[name] !== undefined && pending[name] !== playing[name];
    slider.show(pending[name] ?? playing[name]);
    slider.showPending(waits ? playing[name] : null, waits ? coming(format(pending[name])) : '');
  }
}

/** Says once, to those who listen to the page, what was put off. */
let announced = '';
function announcePending() {
  const { key: nextKey, bpm: nextBpm } = station.playing.pending ?? {};
  const parts = [nextKey, nextBpm && tempo(nextBpm)].filter(Boolean);
  const text = parts.join(', ');
  if (text && text !== announced) readout.announce(coming(text));
  announced = text;
}

/** Why no sound begins, in words. */
function whySilent(failure) {
  if (failure === null) return 'The browser does not let sound begin. Press play once more.';
  // What plays is fetched from the station by the first gesture.
  if (failure.name === 'AbortError') return 'The station cannot be reached. Press play once more when it is back.';
  return `Sound cannot begin: ${failure.message}`;
}

let phrase = null;
station.addEventListener('playing', () => {
  const { playing } = station;
  readout.piece(playing);
  presets.show(playing.preset);
  controls.show(playing.params);
  editor.follow(station.mayChoose, playing.preset, playing.edition);
  if (client.playing && phrase !== null && playing.phrase_id !== phrase) scope.mark(showKey(playing.key));
  phrase = playing.phrase_id;
  showSettings();
  announcePending();
});
station.addEventListener('controls', () => controls.build(station.controls));
station.addEventListener('presets', () => {
  presets.build(station.presets, station.mayChoose);
  editor.follow(station.mayChoose, station.playing.preset, station.playing.edition);
});
station.addEventListener('refused', ({ detail }) => readout.notice(`The station declines: ${detail}`));
client.addEventListener('fault', ({ detail }) => {
  // Being moved on is no news for a listener: the sound says so itself, and the figures count it.
  if (detail.code !== 'BUFFER_OVERRUN') readout.notice(`The station says: ${detail.message}`);
});
client.addEventListener('silent', ({ detail }) => readout.notice(whySilent(detail.failure)));
client.addEventListener('resumed', ({ detail }) => {
  readout.announce(detail.seamless ? 'Reconnected without a gap' : 'Reconnected');
});

rights.addEventListener('change', () => {
  // What one may choose may have changed with it.
  if (station.playing) station.load();
  stations.allow(rights.may('listen'));
  client.start(!rights.may('listen'));
});
// A token may have expired, or the station may have been started with other rules.
client.addEventListener('reconnecting', () => rights.load());

let announcedLink = null;
client.addEventListener('change', () => {
  scope.run(client.playing && client.way === Way.WEB_AUDIO);
  const { link } = client.connection;
  if (link !== announcedLink) {
    if (link === Link.WAITING) readout.announce('The connection is lost; reconnecting');
    if (link === Link.REFUSED) readout.notice(`The station turned you away: ${client.connection.reason || 'it does not say why'}`);
  }
  stations.end(link === Link.ENDED);
  if (link === Link.ENDED && link !== announcedLink) readout.ended();
  announcedLink = link;
  tick();
});

/** Shows what changes with time. */
function tick() {
  const stats = client.stats();
  if (client.locked) readout.locked();
  else readout.link(stats, client.connection);
  readout.figures(stats);
  transport.show({ playing: client.playing, progress: station.progress });
  mediaControls.show({ playing: client.playing, title: station.playing?.preset_name, artist: stations.title });
  player.show(stats);
  readout.countdown(station.playing ? station.dueIn : null);
  showSettings();
  if (stats.phase === Phase.PLAYING && client.way === Way.WEB_AUDIO) {
    hour.record(performance.now(), stats.rms, client.output.analyser);
  }
}

setInterval(tick, TICK);
rights.load();
// Who came by the list of stations has pressed a button for it.
if (location.hash === '#play') {
  history.replaceState(null, '', location.pathname + location.search);
  client.play();
}

// For tests, the debug page, and whoever is curious: read-only.
window.auralis = Object.freeze({
  stats: () => client.stats(),
  playing: () => structuredClone(station.playing),
});
