// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/directives.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "viz/model/command_line.h"
#include "viz/model/view_model.h"

namespace fw::viz {
namespace {

using Line = CommandLine;

void set_head(const Line& line, Document& next) {
  const bool b = line.words[1] == "b";
  const std::string& name = line.word(2, "a rule");
  line.ends(3);
  if (b && name == "off") {
    next.compare = false;
    return;
  }
  if (b) next.compare = true;
  Head& head = b ? next.b : next.a;
  if (name == "morph") {
    head.morph = true;
  } else {
    head.morph = false;
    head.variant = variant_from_name(name);
  }
}

void set_slider(const Line& line, Document& next) {
  Collapse& c = next.b.collapse;
  double& s = line.words[1] == "tie" ? c.tie : line.words[1] == "scalar" ? c.scalar : line.words[1] == "one" ? c.one : c.no_erase;
  s = line.number_at(2, 0.0, 1.0, "a number");
  next.b.morph = next.compare = true;
  line.ends(3);
}

/// True when it was a view option, which has no history.
bool set_option(const Line& line, ViewOptions& options) {
  const std::string& what = line.words[1];
  if (what == "map")
    options.map = line.choice<Map>(2, {{"S", Map::state},
                                       {"change", Map::change},
                                       {"decay", Map::decay},
                                       {"erase", Map::erase},
                                       {"write", Map::write},
                                       {"A-B", Map::compare}});
  else if (what == "scale")
    options.root_scale = line.choice<bool>(2, {{"linear", false}, {"root", true}});
  else if (what == "range")
    options.run_range = line.choice<bool>(2, {{"run", true}, {"now", false}});
  else if (what == "theme")
    options.theme = line.choice<Theme>(2, {{"light", Theme::light}, {"dark", Theme::dark}});
  else if (what == "motion")
    options.reduced_motion = line.choice<bool>(2, {{"full", false}, {"reduced", true}});
  else if (what == "heads")
    options.heads = line.choice<Heads>(2, {{"both", Heads::both}, {"a", Heads::a}, {"b", Heads::b}});
  else if (what == "half-life")
    options.half_life = line.choice<bool>(2, {{"on", true}, {"off", false}});
  else if (what == "classroom")
    options.classroom = line.choice<bool>(2, {{"on", true}, {"off", false}});
  else if (what == "gates")
    options.gates_of_b = line.choice<bool>(2, {{"a", false}, {"b", true}});
  else if (what == "facts")
    options.facts = line.choice<FactOrder>(
        2, {{"written", FactOrder::written}, {"cosine", FactOrder::cosine}, {"norm", FactOrder::norm}, {"impact", FactOrder::impact}});
  else if (what == "font")
    options.font = line.words.size() > 2 && line.words[2] == "auto" ? 0.0 : line.number_at(2, 8.0, 48.0, "auto or a number of pixels");
  else
    return false;
  line.ends(3);
  return true;
}

void set(ViewModel& view, const Line& line) {
  const std::string& what = line.word(1, "what to set");
  if (set_option(line, view.options)) return;
  if (what == "rows") {
    view.options.rows = line.choice<RowOrder>(2, {{"channel", RowOrder::channel}, {"norm", RowOrder::norm}, {"decay", RowOrder::decay}});
    view.options.rows_at = view.transport.t();
    return line.ends(3);
  }
  Document next = view.document();
  Settings& s = next.settings;
  if (what == "a" || what == "b") {
    set_head(line, next);
  } else if (what == "tie" || what == "scalar" || what == "one" || what == "no-erase") {
    set_slider(line, next);
  } else if (what == "seed") {
    s.seed = line.number_at<std::uint64_t>(2, 0, 1u << 31, "a whole number");
    line.ends(3);
    if (next.model) {
      ModelSource source = *next.model;
      source.seed = s.seed, source.drawn = 0;
      return view.open_model(source);
    }
  } else if (what == "size") {
    s.dk = line.number_at(2, 1, 256, "key channels");
    s.dv = line.number_at(3, 1, 256, "value channels");
    line.ends(4);
  } else if (what == "policy") {
    s.policy = line.choice<Policy>(2, {{"uniform", Policy::uniform}, {"banded", Policy::banded}});
    line.ends(3);
  } else if (what == "keys") {
    s.keys = line.choice<Scheme>(2, {{"random", Scheme::random}, {"orthonormal", Scheme::orthonormal}, {"shared", Scheme::shared}});
    if (s.keys == Scheme::shared) s.shared = line.number_at(3, 0.0, 1.0, "the common part of a key's energy");
    line.ends(s.keys == Scheme::shared ? 4 : 3);
  } else if (what == "values") {
    s.values = line.choice<Scheme>(2, {{"random", Scheme::random}, {"orthonormal", Scheme::orthonormal}});
    line.ends(3);
  } else if (what == "signal") {
    s.signal = line.word(2, "value channels or all") == "all" ? 0 : line.number_at(2, 1, 256, "value channels");
    line.ends(3);
  } else if (what == "beta-from") {
    next.a.collapse.beta = next.b.collapse.beta =
        line.choice<BetaFrom>(2, {{"both", BetaFrom::both}, {"b", BetaFrom::b}, {"w", BetaFrom::w}, {"effective", BetaFrom::effective}});
    line.ends(3);
  } else if (what == "alpha") {
    s.alpha = line.number_at(2, 0.0, 1.0, "a decay");
    if (line.words.size() > 3) s.alpha_fast = line.number_at(3, 0.0, 1.0, "a decay");
    line.ends(4);
  } else {
    line.fail(1,
              "a, b, tie, scalar, one, no-erase, beta-from, seed, size, policy, alpha, keys, values, signal, map, scale, range, theme, "
              "motion, heads, half-life, classroom, font, gates, rows or facts");
  }
  view.change(std::move(next));
}

void go(ViewModel& view, const Line& line) {
  const std::string& where = line.word(1, "a token, end or divergence");
  line.ends(2);
  view.transport.pause();
  if (where == "end") return view.transport.to_end();
  if (where != "divergence") return view.transport.go(line.number_at(1, 0, view.length(), "a token"));
  const int t = view.first_divergence();
  if (t < 0)
    throw Error("command: line " + std::to_string(line.number) +
                ": go divergence: expected A and B to differ somewhere, got no token where they do");
  view.transport.go(t);
}

void lock(ViewModel& view, const Line& line) {
  const std::string& what = line.word(1, "a fact, row N or column N");
  const Timeline& timeline = view.a().timeline();
  Focus focus;
  if (what == "row" && line.words.size() > 2) {
    focus.key = line.number_at(2, 0, timeline.dk - 1, "a row");
    line.ends(3);
  } else if (what == "column" && line.words.size() > 2) {
    focus.value = line.number_at(2, 0, timeline.dv - 1, "a column");
    line.ends(3);
  } else {
    line.ends(2);
    focus.fact = timeline.find_fact(what);
    if (focus.fact < 0) line.fail(1, "a key that is written somewhere");
  }
  view.selection.lock(focus);
}

/// Of a checkpoint: what it reads, how it draws, what is shown of it. False: another command.
bool read_model(ViewModel& view, const Line& line, std::string_view text) {
  const std::string& verb = line.words[0];
  if (verb == "layer" || verb == "head") {
    const int number = line.number_at(1, 0, 1 << 20, "a whole number");
    line.ends(2);
    const Stack stack = view.stack();
    view.show_head(verb == "layer" ? number : stack.layer, verb == "head" ? number : stack.head);
    return true;
  }
  if (verb == "decode") {
    const int tokens = line.words.size() < 2 ? 1 : line.number_at(1, 1, Decoder::kMostTokens, "tokens");
    line.ends(2);
    view.decode(tokens);
    view.transport.to_end();
    return true;
  }
  const bool mine = verb == "prompt" || verb == "example" || verb == "temperature" || verb == "top-k" || verb == "rerun";
  if (!mine) return false;
  if (!view.document().model)
    throw Error("command: line " + std::to_string(line.number) + ": " + verb +
                ": expected a checkpoint (\"checkpoint FOLDER\" opens one), got none");
  if (verb == "rerun") {
    Document next = view.document();
    next.model->rerun = line.choice<bool>(1, {{"on", true}, {"off", false}});
    if (next.model->rerun) next.compare = true;
    line.ends(2);
    view.change(std::move(next));
    return true;
  }
  ModelSource next = *view.document().model;
  next.drawn = 0;
  if (verb == "prompt") {
    std::string_view rest = text.substr(text.find("prompt") + 6);
    if (!rest.empty()) rest.remove_prefix(1);
    while (!rest.empty() && rest.back() == '\r') rest.remove_suffix(1);
    next.prompt = std::string(rest);
  } else if (verb == "example") {
    next.prompt.reset();
    next.example = line.number_at(1, 0, 100000, "a sequence of the task");
    line.ends(2);
  } else if (verb == "temperature") {
    next.temperature = line.number_at(1, 0.0, 1000.0, "a temperature");
    line.ends(2);
  } else {
    next.top_k = line.number_at(1, 0, 1 << 20, "a whole number");
    line.ends(2);
  }
  view.open_model(next);
  return true;
}

void loop(ViewModel& view, const Line& line) {
  const std::string& what = line.word(1, "on, off or a first and a last token");
  if (what == "on" || what == "off") {
    line.ends(2);
    view.transport.set_looping(what == "on");
    if (what == "off") view.transport.set_range(0, 0);
    return;
  }
  const int first = line.number_at(1, 0, view.length(), "a token"),
            last = line.number_at(2, first + 1, std::max(first + 1, view.length()), "a later token");
  line.ends(3);
  view.transport.set_range(first, last);
  view.transport.set_looping(true);
}

void stop(ViewModel& view, const Line& line) {
  const std::string& what = line.word(1, "recall, erase, apart or off");
  Breakpoints next = view.breakpoints;
  if (what == "off") {
    next = {};
    line.ends(2);
  } else if (what == "recall") {
    const bool named = line.words.size() > 3;
    next.recall_below = line.number_at(named ? 3 : 2, -1.0, 1.0, "a cosine");
    next.fact = named ? line.words[2] : std::string();
    if (named && view.a().timeline().find_fact(next.fact) < 0) line.fail(2, "a key that is written somewhere");
    line.ends(named ? 4 : 3);
  } else if (what == "erase" || what == "apart") {
    (what == "erase" ? next.erase_above : next.apart_above) = line.number_at(2, 0.0, 1e9, "a number");
    line.ends(3);
  } else {
    line.fail(1, "recall, erase, apart or off");
  }
  view.breakpoints = next;
}

/// zoom key 4 11, zoom off. Tokens and facts count from 1, as everywhere; channels from 0.
void zoom(ViewModel& view, const Line& line) {
  if (line.word(1, "an axis or off") == "off") {
    line.ends(2);
    view.options.zoom = {};
    return;
  }
  const auto axis = line.choice<Range Zoom::*>(1, zoom_axes());
  const int from = line.words[1] == "key" || line.words[1] == "value" ? 0 : 1;
  const int first = line.number_at(2, from, kMostZoom, "the first"), last = line.number_at(3, first, kMostZoom, "the last");
  line.ends(4);
  view.options.zoom.*axis = {first - from, last - first + 1};
}

/// The words that play; false when it is none of them.
bool play(ViewModel& view, const Line& line) {
  const std::string& verb = line.words[0];
  Transport& time = view.transport;
  if (verb == "play" || verb == "pause") {
    line.ends(1);
    verb == "pause" ? time.pause() : time.playing() ? static_cast<void>(0) : view.toggle();
  } else if (verb == "speed") {
    time.set_speed(line.number_at(1, 0.5, 60.0, "tokens a second"));
    line.ends(2);
  } else if (verb == "step") {
    view.step(line.words.size() > 1 ? line.number_at(1, -1000000, 1000000, "a number of tokens") : 1);
    line.ends(std::min<std::size_t>(2, line.words.size()));
  } else if (verb == "loop") {
    loop(view, line);
  } else if (verb == "stop") {
    stop(view, line);
  } else {
    return false;
  }
  return true;
}

bool known(const std::string& word) {
  for (const char* name :
       {"go",   "sub",  "undo", "redo", "fork",    "join",  "clear", "lock",   "unlock",  "set",         "play",  "pause",  "speed",
        "step", "loop", "stop", "zoom", "history", "layer", "head",  "prompt", "example", "temperature", "top-k", "decode", "rerun"})
    if (word == name) return true;
  return false;
}

}  // namespace

bool is_directive(std::string_view line) {
  const auto words = words_of(line);
  return !words.empty() && known(words[0]);
}

bool run_directive(ViewModel& view, std::string_view text, int line_number) {
  const Line line{words_of(text), line_number};
  if (line.words.empty() || !known(line.words[0])) return false;
  const std::string& verb = line.words[0];
  if (play(view, line) || read_model(view, line, text)) return true;
  if (verb == "set") {
    set(view, line);
  } else if (verb == "go") {
    go(view, line);
  } else if (verb == "lock") {
    lock(view, line);
  } else if (verb == "zoom") {
    zoom(view, line);
  } else if (verb == "history") {
    const int to = line.number_at(1, 0, view.history().count() - 1, "a state");
    line.ends(2);
    view.revisit(to);
  } else if (verb == "sub") {
    const Phase phase =
        line.choice<Phase>(1, {{"decay", Phase::decay}, {"read", Phase::read}, {"erase", Phase::erase}, {"write", Phase::write}});
    line.ends(2);
    view.transport.pause();
    view.transport.go(view.transport.t(), phase);
  } else {
    line.ends(1);
    if (verb == "fork")
      view.fork();
    else if (verb == "join")
      view.join();
    else if (verb == "unlock")
      view.selection.unlock();
    else if (verb == "clear") {
      Document next = view.document();
      next.commands.clear();
      next.trace.reset();
      next.model.reset();
      next.branch.reset();
      view.change(std::move(next));
    } else if (!(verb == "undo" ? view.undo() : view.redo())) {
      throw Error("command: line " + std::to_string(line_number) + ": " + verb + ": expected something to " + verb +
                  ", got an empty history");
    }
  }
  return true;
}

}  // namespace fw::viz
