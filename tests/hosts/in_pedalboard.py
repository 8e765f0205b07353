"""Plays an instrument in pedalboard, as the job says that is a JSON object on standard input; says what it saw as one on
standard output. Pedalboard has no transport: an instrument that goes with one needs "Play While Stopped".

job: plugin, rate, block, seconds, out (a file of frames of stereo, floats)
     parameters: {name: number from 0 to 1}    state: a file to load, before parameters    keep: a file to save to
"""

import json
import re
import sys

import pedalboard._pedalboard as pedalboard

# It asks for 1,000 texts of each parameter to guess its type, and a VST3 with MIDI controllers has 2,000 parameters more.
MIDI = re.compile("MIDI Ch")
pedalboard.PARAMETER_NAME_REGEXES_TO_IGNORE.add(MIDI)


def main():
    job = json.load(sys.stdin)
    # By itself it waits for sound from what sounds only while a transport runs.
    plugin = pedalboard.load_plugin(job["plugin"], initialization_timeout=0.01)
    if "state" in job:
        plugin.raw_state = open(job["state"], "rb").read()
    for name, value in job.get("parameters", {}).items():
        parameter = next(p for p in plugin.parameters.values() if p.name == name)
        parameter.raw_value = value
    sound = plugin.process([], job["seconds"], job["rate"], 2, job["block"], True)
    sound.T.astype("<f4").tofile(job["out"])
    if "keep" in job:
        open(job["keep"], "wb").write(plugin.raw_state)
    named = plugin.parameters.values()
    json.dump(
        {
            "name": plugin.name,
            "vendor": plugin.manufacturer_name,
            "instrument": plugin.is_instrument,
            "latency": plugin.reported_latency_samples,
            "parameters": [[p.name, p.raw_value, p.string_value] for p in named],
        },
        sys.stdout,
    )


main()
