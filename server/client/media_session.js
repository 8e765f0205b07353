// The system's media controls: a lock screen, a headset, the keys of a keyboard. Main thread.

/** Says there what plays, and listens to its buttons. */
export class MediaControls {
  /** @param {import('./audio_client_worklet.js').AuralisClient} client */
  constructor(client) {
    this.session = navigator.mediaSession;
    this.session?.setActionHandler('play', () => client.play());
    this.session?.setActionHandler('pause', () => client.pause());
    this.session?.setActionHandler('stop', () => client.pause());
  }

  /** Shows whether it plays, what, and which station. */
  show({ playing, title, artist }) {
    const { session } = this;
    if (!session || !title) return;
    session.playbackState = playing ? 'playing' : 'paused';
    const { metadata } = session;
    if (metadata?.title === title && metadata.artist === artist) return;
    const src = new URL('./icon.svg', import.meta.url).href;
    session.metadata = new MediaMetadata({ title, artist, artwork: [{ src, sizes: 'any', type: 'image/svg+xml' }] });
  }
}
