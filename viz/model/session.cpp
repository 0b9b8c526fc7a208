// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/session.h"

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace fw::viz {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kVersion = 1;

/// One JSON object being read: what is missing, mistyped or unknown is refused by its path.
class Reader {
 public:
  Reader(const Json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json_.is_object()) fail("", "an object", json_);
  }
  [[noreturn]] void fail(const std::string& key, const std::string& expected, const Json& got) const {
    std::string text = got.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    throw Error("session: " + path_ + (key.empty() ? "" : ": " + key) + ": expected " + expected + ", got " + text);
  }
  const Json& at(const std::string& key, const std::string& expected) const {
    const auto found = json_.find(key);
    if (found == json_.end()) throw Error("session: " + path_ + ": " + key + ": expected " + expected + ", got nothing");
    return *found;
  }
  bool has(const std::string& key) const { return json_.contains(key) && !json_.at(key).is_null(); }
  double number(const std::string& key, double least, double most) const {
    const std::string expected = "a number in [" + shortest(least) + "," + shortest(most) + "]";
    const Json& j = at(key, expected);
    if (!j.is_number() || !(j.get<double>() >= least && j.get<double>() <= most)) fail(key, expected, j);
    return j.get<double>();
  }
  int integer(const std::string& key, int least, int most) const {
    const std::string expected = "a whole number in [" + std::to_string(least) + "," + std::to_string(most) + "]";
    const Json& j = at(key, expected);
    if (!j.is_number_integer() || j.get<double>() < least || j.get<double>() > most) fail(key, expected, j);
    return j.get<int>();
  }
  std::uint64_t seed(const std::string& key) const {
    const Json& j = at(key, "a whole number from 0");
    if (!j.is_number_unsigned()) fail(key, "a whole number from 0", j);
    return j.get<std::uint64_t>();
  }
  std::string text(const std::string& key) const {
    const Json& j = at(key, "a text");
    if (!j.is_string()) fail(key, "a text", j);
    return j.get<std::string>();
  }
  bool flag(const std::string& key) const {
    const Json& j = at(key, "true or false");
    if (!j.is_boolean()) fail(key, "true or false", j);
    return j.get<bool>();
  }
  template <class E>
  E choice(const std::string& key, const std::vector<std::pair<std::string, E>>& choices) const {
    std::string names;
    for (const auto& [name, value] : choices) names += (names.empty() ? "" : ", ") + name;
    const Json& j = at(key, "one of " + names);
    for (const auto& [name, value] : choices)
      if (j.is_string() && j.get<std::string>() == name) return value;
    fail(key, "one of " + names, j);
  }
  std::vector<Command> commands(const std::string& key) const {
    const Json& list = at(key, "an array of commands");
    if (!list.is_array()) fail(key, "an array of commands", list);
    std::vector<Command> out;
    for (const Json& line : list) {
      if (!line.is_string()) fail(key, "a command as text", line);
      const auto command = parse_command(line.get<std::string>(), static_cast<int>(out.size()) + 1);
      if (!command) fail(key, "a command", line);
      out.push_back(*command);
    }
    return out;
  }
  Reader object(const std::string& key) const { return Reader(at(key, "an object"), path_ + ": " + key); }

 private:
  const Json& json_;
  std::string path_;
};

const std::vector<std::pair<std::string, BetaFrom>> kBetas = {
    {"both", BetaFrom::both}, {"b", BetaFrom::b}, {"w", BetaFrom::w}, {"effective", BetaFrom::effective}};
const std::vector<std::pair<std::string, AlphaFrom>> kAlphas = {{"geometric", AlphaFrom::geometric}, {"arithmetic", AlphaFrom::arithmetic}};
const std::vector<std::pair<std::string, Policy>> kPolicies = {{"uniform", Policy::uniform}, {"banded", Policy::banded}};
const std::vector<std::pair<std::string, Scheme>> kSchemes = {
    {"random", Scheme::random}, {"orthonormal", Scheme::orthonormal}, {"shared", Scheme::shared}};
const std::vector<std::pair<std::string, Phase>> kPhases = {
    {"decay", Phase::decay}, {"read", Phase::read}, {"erase", Phase::erase}, {"write", Phase::write}};
const std::vector<std::pair<std::string, Map>> kMaps = {{"S", Map::state},     {"change", Map::change}, {"decay", Map::decay},
                                                        {"erase", Map::erase}, {"write", Map::write},   {"A-B", Map::compare}};
const std::vector<std::pair<std::string, Theme>> kThemes = {{"light", Theme::light}, {"dark", Theme::dark}};

const std::vector<std::pair<std::string, RowOrder>> kRows = {
    {"channel", RowOrder::channel}, {"norm", RowOrder::norm}, {"decay", RowOrder::decay}};
const std::vector<std::pair<std::string, FactOrder>> kFacts = {
    {"written", FactOrder::written}, {"cosine", FactOrder::cosine}, {"norm", FactOrder::norm}, {"impact", FactOrder::impact}};
const std::vector<std::pair<std::string, Heads>> kHeads = {{"both", Heads::both}, {"a", Heads::a}, {"b", Heads::b}};

template <class E>
std::string text_of(const std::vector<std::pair<std::string, E>>& choices, E value) {
  for (const auto& [name, v] : choices)
    if (v == value) return name;
  return "?";
}

Json to_json(const std::vector<Command>& commands) {
  Json list = Json::array();
  for (const Command& c : commands) list.push_back(viz::text_of(c));
  return list;
}
Json to_json(const Head& head) {
  const Collapse& c = head.collapse;
  return {{"morph", head.morph},
          {"variant", info(head.variant).name},
          {"tie", c.tie},
          {"scalar", c.scalar},
          {"one", c.one},
          {"no_erase", c.no_erase},
          {"beta_from", text_of(kBetas, c.beta)},
          {"alpha_from", text_of(kAlphas, c.alpha)}};
}
Head head_from(const Reader& in) {
  Head head;
  head.morph = in.flag("morph");
  const Json& variant = in.at("variant", "the name of a rule");
  if (!variant.is_string()) in.fail("variant", "the name of a rule", variant);
  head.variant = variant_from_name(variant.get<std::string>());
  Collapse& c = head.collapse;
  c.tie = in.number("tie", 0, 1);
  c.scalar = in.number("scalar", 0, 1);
  c.one = in.number("one", 0, 1);
  c.no_erase = in.number("no_erase", 0, 1);
  c.beta = in.choice("beta_from", kBetas);
  c.alpha = in.choice("alpha_from", kAlphas);
  return head;
}
Json to_json(const ModelSource& m) {
  Json out = {{"path", m.path},         {"fingerprint", m.fingerprint},
              {"example", m.example},   {"task", m.task},
              {"settings", m.settings}, {"temperature", m.temperature},
              {"top_k", m.top_k},       {"seed", m.seed},
              {"drawn", m.drawn},       {"layer", m.layer},
              {"head", m.head},         {"rerun", m.rerun}};
  if (m.prompt) out["prompt"] = *m.prompt;
  return out;
}
ModelSource model_from(const Reader& in) {
  ModelSource m;
  m.path = in.text("path");
  m.fingerprint = in.text("fingerprint");
  if (in.has("prompt")) m.prompt = in.text("prompt");
  m.example = in.integer("example", 0, 100000);
  m.task = in.text("task");
  m.settings = in.text("settings");
  m.temperature = in.number("temperature", 0, 1000);
  m.top_k = in.integer("top_k", 0, 1 << 20);
  m.seed = in.seed("seed");
  m.drawn = in.integer("drawn", 0, Decoder::kMostTokens);
  m.layer = in.integer("layer", -1, 1 << 20);
  m.head = in.integer("head", 0, 1 << 20);
  m.rerun = in.flag("rerun");
  return m;
}
Settings settings_from(const Reader& in) {
  Settings s;
  s.seed = in.seed("seed");
  s.dk = in.integer("dk", 1, 256);
  s.dv = in.integer("dv", 1, 256);
  s.policy = in.choice("policy", kPolicies);
  s.alpha = in.number("alpha", 0, 1);
  s.alpha_fast = in.number("alpha_fast", 0, 1);
  if (in.has("keys")) s.keys = in.choice("keys", kSchemes);
  if (in.has("values")) s.values = in.choice("values", kSchemes);
  if (in.has("shared")) s.shared = in.number("shared", 0, 1);
  if (in.has("signal")) s.signal = in.integer("signal", 0, s.dv);
  return s;
}

/// Where playing stops; only what is set is written.
Json to_json(const Breakpoints& stop) {
  Json out = Json::object();
  if (stop.recall_below) out["recall_below"] = *stop.recall_below;
  if (!stop.fact.empty()) out["fact"] = stop.fact;
  if (stop.erase_above) out["erase_above"] = *stop.erase_above;
  if (stop.apart_above) out["apart_above"] = *stop.apart_above;
  return out;
}
Breakpoints stops_from(const Reader& in) {
  Breakpoints stop;
  if (in.has("recall_below")) stop.recall_below = in.number("recall_below", -1, 1);
  if (in.has("fact")) stop.fact = in.text("fact");
  if (in.has("erase_above")) stop.erase_above = in.number("erase_above", 0, 1e9);
  if (in.has("apart_above")) stop.apart_above = in.number("apart_above", 0, 1e9);
  return stop;
}

Json to_json(const Zoom& zoom) {
  Json out = Json::object();
  for (const auto& [name, axis] : zoom_axes())
    if ((zoom.*axis).count > 0) out[name] = {{"first", (zoom.*axis).first}, {"count", (zoom.*axis).count}};
  return out;
}
Zoom zoom_from(const Reader& in) {
  Zoom zoom;
  for (const auto& [name, axis] : zoom_axes()) {
    if (!in.has(name)) continue;
    const Reader range = in.object(name);
    zoom.*axis = {range.integer("first", 0, kMostZoom), range.integer("count", 1, kMostZoom)};
  }
  return zoom;
}

/// What is locked: a fact by its name, which outlives its number.
Json to_json(const Focus& locked, const Timeline& line) {
  Json out = Json::object();
  if (locked.token >= 0) out["token"] = locked.token;
  if (locked.key >= 0) out["row"] = locked.key;
  if (locked.value >= 0) out["column"] = locked.value;
  if (locked.fact >= 0 && locked.fact < static_cast<int>(line.facts.size()))
    out["fact"] = line.facts[static_cast<std::size_t>(locked.fact)].key;
  return out;
}
struct Locked {
  Focus focus;
  std::string fact;
};
Locked lock_from(const Reader& in) {
  const auto number = [&](const char* key) { return in.has(key) ? in.integer(key, 0, 1 << 20) : -1; };
  return {{number("token"), number("row"), number("column"), -1}, in.has("fact") ? in.text("fact") : std::string()};
}
/// What there is of it: a trace may have changed.
Focus existing(const Locked& locked, const Timeline& line) {
  Focus focus = locked.focus;
  if (focus.token > line.length()) focus.token = -1;
  if (focus.key >= line.dk) focus.key = -1;
  if (focus.value >= line.dv) focus.value = -1;
  focus.fact = locked.fact.empty() ? -1 : line.find_fact(locked.fact);
  return focus;
}

/// Speed and loop, where they are not as at the start.
Json playing_of(const Transport& time) {
  Json out = Json::object();
  if (time.speed() != Transport().speed()) out["speed"] = time.speed();
  if (time.looping()) out["loop"] = true;
  if (time.has_range()) out["first"] = time.wanted_first(), out["last"] = time.wanted_last();
  return out;
}
void playing_from(const Reader& in, Transport& time) {
  time.set_speed(in.has("speed") ? in.number("speed", 0.5, 60) : Transport().speed());
  time.set_looping(in.has("loop") && in.flag("loop"));
  const int last = in.has("last") ? in.integer("last", 1, 1 << 20) : 0;
  time.set_range(last > 0 ? in.integer("first", 0, last - 1) : 0, last);
}

std::vector<std::string> fronts_from(const Reader& in) {
  const Json& list = in.at("front", "an array of panel names");
  if (!list.is_array() || list.size() > 32) in.fail("front", "an array of at most 32 panel names", list);
  std::vector<std::string> out;
  for (const Json& name : list) {
    if (!name.is_string()) in.fail("front", "an array of panel names", list);
    out.push_back(name.get<std::string>());
  }
  return out;
}

}  // namespace

std::string session_text(const ViewModel& view) {
  const Document& d = view.document();
  const Settings& s = d.settings;
  Json out = {{"fastweight_session", kVersion},
              {"settings",
               {{"seed", s.seed},
                {"dk", s.dk},
                {"dv", s.dv},
                {"policy", text_of(kPolicies, s.policy)},
                {"alpha", s.alpha},
                {"alpha_fast", s.alpha_fast},
                {"keys", text_of(kSchemes, s.keys)},
                {"values", text_of(kSchemes, s.values)},
                {"shared", s.shared},
                {"signal", s.signal}}},
              {"commands", to_json(d.commands)},
              {"a", to_json(d.a)},
              {"b", to_json(d.b)},
              {"compare", d.compare}};
  if (d.trace) out["trace"] = {{"path", d.trace->path}, {"sequence", d.trace->sequence}, {"head", d.trace->head}};
  if (d.trace && d.trace->layer >= 0) out["trace"]["layer"] = d.trace->layer;
  if (d.model) out["model"] = to_json(*d.model);
  if (d.branch) out["branch"] = {{"at", d.branch->at}, {"commands", to_json(d.branch->commands)}};
  const ViewOptions& o = view.options;
  out["view"] = {{"t", view.transport.t()},           {"phase", text_of(kPhases, view.transport.phase())},
                 {"map", text_of(kMaps, o.map)},      {"root_scale", o.root_scale},
                 {"run_range", o.run_range},          {"theme", text_of(kThemes, o.theme)},
                 {"heads", text_of(kHeads, o.heads)}, {"half_life", o.half_life},
                 {"classroom", o.classroom},          {"font", o.font},
                 {"reduced_motion", o.reduced_motion}};
  // What is as at the start is left out.
  Json& shown = out["view"];
  if (o.gates_of_b) shown["gates_of_b"] = true;
  if (o.rows != RowOrder::channel) shown["rows"] = text_of(kRows, o.rows), shown["rows_at"] = o.rows_at;
  if (o.facts != FactOrder::written) shown["facts"] = text_of(kFacts, o.facts);
  if (o.zoom.any()) shown["zoom"] = to_json(o.zoom);
  if (!o.front.empty()) shown["front"] = o.front;
  if (const Json locked = to_json(view.selection.locked(), view.a().timeline()); !locked.empty()) shown["locked"] = locked;
  if (const Json playing = playing_of(view.transport); !playing.empty()) shown["playing"] = playing;
  if (const Json stop = to_json(view.breakpoints); !stop.empty()) shown["stop"] = stop;
  try {
    return out.dump(2) + "\n";
  } catch (const Json::exception& error) {  // the path of a file may be any bytes
    throw Error(std::string("session: expected names in UTF-8, got ") + error.what());
  }
}

void open_session(ViewModel& view, std::string_view text, std::string_view name) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::exception& error) {
    throw Error("session: " + std::string(name) + ": expected JSON, got " + error.what());
  }
  const Reader in(json, std::string(name));
  in.integer("fastweight_session", kVersion, kVersion);
  Document d;
  d.settings = settings_from(in.object("settings"));
  d.commands = in.commands("commands");
  d.a = head_from(in.object("a"));
  d.b = head_from(in.object("b"));
  d.compare = in.flag("compare");
  if (in.has("branch")) {
    const Reader branch = in.object("branch");
    d.branch = Branch{branch.integer("at", 0, tokens_of(d.commands)), branch.commands("commands")};
  }
  if (in.has("trace")) {
    const Reader trace = in.object("trace");
    const Json& path = trace.at("path", "a file name");
    if (!path.is_string()) trace.fail("path", "a file name", path);
    d.trace = TraceSource{path.get<std::string>(), trace.integer("sequence", 0, 1 << 20), trace.integer("head", 0, 1 << 20),
                          trace.has("layer") ? trace.integer("layer", 0, 1 << 20) : -1};
  }
  if (in.has("model")) d.model = model_from(in.object("model"));
  const Reader shown = in.object("view");
  ViewOptions options;
  options.map = shown.choice("map", kMaps);
  options.root_scale = shown.flag("root_scale");
  options.run_range = shown.flag("run_range");
  options.theme = shown.choice("theme", kThemes);
  // Not in sessions of earlier programs.
  if (shown.has("heads")) options.heads = shown.choice("heads", kHeads);
  if (shown.has("half_life")) options.half_life = shown.flag("half_life");
  if (shown.has("classroom")) options.classroom = shown.flag("classroom");
  if (shown.has("font") && shown.number("font", 0, 48) > 0) options.font = shown.number("font", 8, 48);
  options.reduced_motion = shown.has("reduced_motion") && shown.flag("reduced_motion");
  options.gates_of_b = shown.has("gates_of_b") && shown.flag("gates_of_b");
  if (shown.has("rows")) options.rows = shown.choice("rows", kRows);
  if (options.rows != RowOrder::channel && shown.has("rows_at")) options.rows_at = shown.integer("rows_at", 0, 1 << 20);
  if (shown.has("facts")) options.facts = shown.choice("facts", kFacts);
  if (shown.has("zoom")) options.zoom = zoom_from(shown.object("zoom"));
  if (shown.has("front")) options.front = fronts_from(shown);
  const Breakpoints stop = shown.has("stop") ? stops_from(shown.object("stop")) : Breakpoints();
  Transport playing;
  if (shown.has("playing")) playing_from(shown.object("playing"), playing);
  const Locked locked = shown.has("locked") ? lock_from(shown.object("locked")) : Locked();
  const int t = shown.integer("t", 0, d.trace || d.model ? 1 << 20 : std::max(tokens_of(d.commands), tokens_of(d.commands_of_b())));
  const Phase phase = shown.choice("phase", kPhases);
  view.open(std::move(d), [=](ViewModel& opened) {
    opened.options = options;
    opened.breakpoints = stop;
    opened.stopped.clear();
    Transport moment = playing;
    moment.set_length(opened.length());
    opened.transport = moment;
    opened.transport.go(t, phase);
    opened.selection.lock(existing(locked, opened.a().timeline()));
  });
}

void save_session(const ViewModel& view, const std::string& path) { write_whole(path, session_text(view)); }
void load_session(ViewModel& view, const std::string& path) { open_session(view, read_text(path, "session"), path); }

}  // namespace fw::viz
