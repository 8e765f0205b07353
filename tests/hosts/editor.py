"""Opens an instrument's editor in DawDreamer, after some seconds of music; stays open until it is ended.
arguments: PLUGIN BPM SECONDS"""

import sys

import dawdreamer

engine = dawdreamer.RenderEngine(48000, 512)
engine.set_bpm(float(sys.argv[2]))
plugin = engine.make_plugin_processor("instrument", sys.argv[1])
engine.load_graph([(plugin, [])])
engine.render(float(sys.argv[3]))
plugin.open_editor()
