-- A session of Ardour without a display: made, saved, loaded again, exported.
-- arguments: create FOLDER INSTRUMENT TEMPO PARAMETER VALUE AUTOMATED FROM TO SECONDS
--            export FOLDER PRESET SECONDS PARAMETER AUTOMATED NAME
-- Prints what it sees, a line each, behind "seen ".

local RATE = 48000
local args = arg
local what, folder = args[1], args[2]

local function seen(...)
	print("seen " .. table.concat({ ... }, "\t"))
end

local backend = AudioEngine:set_backend("None (Dummy)", "", "")
assert(not backend:isnil(), "no dummy backend")
backend:set_device_name("Silence")

-- The numbers by which Ardour calls a plugin's parameters.
local function numbers(insert)
	local plugin, found, control = insert:plugin(0), {}, 0
	for i = 0, plugin:parameter_count() - 1 do
		if plugin:parameter_is_control(i) and plugin:parameter_is_input(i) then
			local label = plugin:parameter_label(i)
			found[label] = found[label] or control
			control = control + 1
		end
	end
	return found
end

local function number(insert, name)
	return assert(numbers(insert)[name], "no parameter is called " .. name)
end

local function create()
	local instrument, tempo, set, value = args[3], tonumber(args[4]), args[5], tonumber(args[6])
	local automated, from, to, seconds = args[7], tonumber(args[8]), tonumber(args[9]), tonumber(args[10])
	local session = create_session(folder, "s", RATE)
	assert(session, "no session")
	local info = ARDOUR.LuaAPI.new_plugin_info(instrument, ARDOUR.PluginType.VST3)
	assert(not info:isnil(), "Ardour does not know " .. instrument)
	local map = Temporal.TempoMap.fetch_writable()
	map:set_tempo(Temporal.Tempo(tempo, tempo, 4), Temporal.timepos_t(0))
	Temporal.TempoMap.update(map)
	map = nil
	local tracks = session:new_midi_track(
		ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1), ARDOUR.ChanCount(ARDOUR.DataType("audio"), 2),
		false, info, nil, nil, 1, "track", ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
	local track = tracks:front()
	assert(not track:isnil(), "no track")
	local processor = track:nth_plugin(0)
	local insert = processor:to_plugininsert()
	assert(ARDOUR.LuaAPI.set_processor_param(processor, number(insert, set), value), set .. " cannot be set")
	local list, curve = ARDOUR.LuaAPI.plugin_automation(processor, number(insert, automated))
	for i = 0, 4 do
		curve:add(Temporal.timepos_t(math.floor(i * seconds * RATE / 4)), from + (to - from) * i / 4, false, true)
	end
	local parameter = Evoral.Parameter(ARDOUR.AutomationType.PluginAutomation, 0, insert:plugin(0):nth_parameter(number(insert, automated), false))
	processor:to_automatable():automation_control(parameter, true):set_automation_state(ARDOUR.AutoState.Play)
	-- The plugin hears of a value with its next block.
	ARDOUR.LuaAPI.usleep(500000)
	assert(session:save_state("") == 0, "not saved")
	seen("created", track:name(), insert:plugin(0):name())
end

local function export()
	local preset, seconds = args[3], tonumber(args[4])
	local session = load_session(folder, "s")
	assert(session, "no session")
	local track = session:route_by_name("track")
	assert(not track:isnil(), "the track is gone")
	local processor = track:nth_plugin(0)
	assert(not processor:isnil(), "the plugin is gone")
	local insert = processor:to_plugininsert()
	ARDOUR.LuaAPI.usleep(500000)
	for _, name in ipairs({ args[5], args[6] }) do
		local value = ARDOUR.LuaAPI.get_processor_param(processor, number(insert, name), false)
		local list = ARDOUR.LuaAPI.plugin_automation(processor, number(insert, name))
		seen(name, value, list:size())
	end
	local job = session:simple_export()
	job:set_folder(folder .. "/export")
	job:set_range(0, math.floor(seconds * RATE))
	assert(job:set_preset(preset), "no such preset of exports")
	job:set_name(args[7])
	-- A second export of the same session would be empty.
	assert(job:run_export(), "the export failed")
	seen("exported", args[7])
end

local chores = { create = create, export = export }
assert(chores[what], "create or export, not " .. tostring(what))()
if what == "export" then
	-- Now and then Ardour 7.3 fails where it frees the channels of an export (PortExportChannel). The file is complete.
	os.exit(true)
end
-- What still holds on to parts of the session would end after it.
collectgarbage()
collectgarbage()
close_session()
quit()
