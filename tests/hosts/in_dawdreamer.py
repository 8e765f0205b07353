"""Plays instruments in DawDreamer, one beside the other in one process, as the job says that is a JSON object on standard
input; says what it saw as one on standard output.

job: rate, block, bpm, seconds, plugins: [
     plugin, out (a file of frames of stereo, floats)
     automation: {name: [numbers, one a beat]}
]
"""

import json
import sys

import dawdreamer
import numpy as np

PPQN = 960


def main():
    job = json.load(sys.stdin)
    engine = dawdreamer.RenderEngine(job["rate"], job["block"])
    engine.set_bpm(job["bpm"])
    seen, graph = [], []
    for number, wanted in enumerate(job["plugins"]):
        plugin = engine.make_plugin_processor(f"p{number}", wanted["plugin"])
        rows = [row for row in plugin.get_parameters_description() if not row["name"].startswith("MIDI ")]
        place = {row["name"]: row["index"] for row in rows}
        for name, values in wanted.get("automation", {}).items():
            plugin.set_automation(place[name], np.repeat(np.float32(values), PPQN), ppqn=PPQN)
        # All but the last keep nothing by themselves.
        plugin.record = True
        graph.append((plugin, []))
        seen.append((plugin, rows))
    engine.load_graph(graph)
    engine.render(job["seconds"])
    said = []
    for (plugin, rows), wanted in zip(seen, job["plugins"]):
        plugin.get_audio().T.astype("<f4").tofile(wanted["out"])
        parameters = [[row["name"], row["defaultValue"], row["text"]] for row in rows]
        said.append({"latency": plugin.get_latency_samples(), "parameters": parameters})
    json.dump(said, sys.stdout)


main()
