// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/view_model.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"
#include "viz/model/directives.h"

namespace fw::viz {

std::string demonstration() {
  return "Ana=red\nBo=blue\nCy=green\n...\nDee=gold\nEli=pink\nFay=teal\n...\nGus=gray\nHal=lime\n...\nAna?\nAna=gold\ndel Bo\nBo?\n"
         "...\nCy?\nEli+=city:Rome\n... 3\nDee?\nCy=teal\n...\nCy?\nBo?\n";
}

void next_row_order(ViewModel& view) {
  view.options.rows = static_cast<RowOrder>((static_cast<int>(view.options.rows) + 1) % 3);
  view.options.rows_at = view.transport.t();
}

void next_fact_order(ViewModel& view) { view.options.facts = static_cast<FactOrder>((static_cast<int>(view.options.facts) + 1) % 4); }

const char* name_of(Map map) {
  switch (map) {
    case Map::state: return "S";
    case Map::change: return "change";
    case Map::decay: return "decay";
    case Map::erase: return "erase";
    case Map::write: return "write";
    case Map::compare: return "A-B";
  }
  return "?";
}

ViewModel::ViewModel() {
  Document document;
  document.commands = parse_script(demonstration());
  open(std::move(document));
  transport.go(14);
}

int ViewModel::length() const { return std::max(shown_.a->length(), shown_.b ? shown_.b->length() : 0); }

void ViewModel::fork() {
  Document next = document();
  if (next.trace || next.model)
    throw Error("fork: expected typed facts, got " + (next.trace ? "a trace (" + next.trace->path : "a checkpoint (" + next.model->path) +
                ")");
  const int t = std::min(transport.t(), shown_.a->length());
  next.branch = Branch{t, prefix_of(next.commands, t)};
  next.b = next.a;
  next.compare = true;
  change(std::move(next));
}

void ViewModel::join() {
  Document next = document();
  next.branch.reset();
  change(std::move(next));
}

void ViewModel::enter_command(const Command& command) {
  Document next = document();
  if (next.trace || next.model)
    throw Error("view: \"" + text_of(command) + "\": expected typed facts to add to, got " +
                (next.trace ? "a trace (" + next.trace->path : "a checkpoint (" + next.model->path) + "); \"clear\" leaves it");
  auto& log = next.branch ? next.branch->commands : next.commands;
  int tokens = tokens_of(log);
  if (transport.t() < tokens) {
    const int t = transport.t();
    if (!next.branch) next.b = next.a;
    next.branch = Branch{next.branch ? std::min(t, next.branch->at) : t, prefix_of(log, t)};
    next.branch->commands.push_back(command);
    next.compare = true;
    tokens = t;
  } else {
    log.push_back(command);
  }
  change(std::move(next));
  if (makes_token(command.verb)) transport.go(tokens + (is_counted(command.verb) ? command.count : 1));
}

void ViewModel::enter(std::string_view line, int line_number) {
  if (run_directive(*this, line, line_number)) return;
  if (const auto command = parse_command(line, line_number)) enter_command(*command);
}

void ViewModel::run_script(std::string_view text) {
  make_current();
  // Each line stands on the one before it.
  struct AtOnce {
    bool& flag;
    const bool before = std::exchange(flag, false);
    ~AtOnce() { flag = before; }
  } const at_once{background_};
  const History before = history_;
  const Transport time = transport;
  const ViewOptions shown = options;
  const Breakpoints stops = breakpoints;
  const Selection selected = selection;
  try {
    std::vector<Command> pending;  // plain commands are entered together: each would be a run of its own
    const auto flush = [&] {
      if (pending.empty()) return;
      const bool at_end = !document().trace && !document().model &&
                          transport.t() >= tokens_of(document().branch ? document().branch->commands : document().commands);
      if (at_end) {
        Document next = document();
        auto& log = next.branch ? next.branch->commands : next.commands;
        log.insert(log.end(), pending.begin(), pending.end());
        const int tokens = tokens_of(log);
        change(std::move(next));
        transport.go(tokens);
      } else {
        for (const Command& command : pending) enter_command(command);
      }
      pending.clear();
    };
    for (int number = 1; !text.empty(); ++number) {
      const std::size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      if (is_directive(line)) {
        flush();
        run_directive(*this, line, number);
      } else if (const auto command = parse_command(line, number)) {
        pending.push_back(*command);
      }
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
    }
    flush();
  } catch (...) {
    history_ = before;
    adopt(history_.now());
    transport = time;
    options = shown;
    breakpoints = stops;
    selection = selected;
    throw;
  }
  Document after = document();
  history_ = before;
  history_.push(std::move(after));
}

bool ViewModel::tick(double seconds) {
  const bool playing = transport.playing();
  if (playing) stopped.clear();
  const bool moved = !breakpoints.any() ? transport.tick(seconds) : transport.tick(seconds, [this](int t) {
    stopped = reason_to_stop(breakpoints, *this, t);
    return !stopped.empty();
  });
  // At the end of a text that a model can go on with.
  if (playing && !transport.playing() && stopped.empty() && transport.t() == length() && can_decode()) decode(1), transport.play();
  return moved;
}

int ViewModel::first_divergence() const {
  for (std::size_t t = 0; t < shown_.divergence.size(); ++t)
    if (!(shown_.divergence[t] <= 1e-3)) return static_cast<int>(t);
  return -1;
}

int ViewModel::tracked_fact() const {
  const int facts = static_cast<int>(shown_.a->timeline().facts.size()), focused = selection.focused().fact;
  if (focused >= 0 && focused < facts) return focused;
  // The token shown is A's; B's where only B goes on. Their logs may have met the facts in another order.
  const int t = transport.t();
  const Run* run = t <= shown_.a->length() ? shown_.a.get() : shown_.b && t <= shown_.b->length() ? shown_.b.get() : nullptr;
  if (run == nullptr || t == 0) return -1;
  const int fact = run->timeline().entries[static_cast<std::size_t>(t - 1)].fact;
  return fact < 0 ? -1 : shown_.a->timeline().find_fact(run->timeline().facts[static_cast<std::size_t>(fact)].key);
}

void ViewModel::refresh_sides() {
  Key key{generation_a_, transport.t(), tracked_fact(), transport.phase()}, key_b = key;
  key_b.generation = generation_b_;
  const Vec* query = key.query < 0 ? nullptr : &shown_.a->timeline().facts[static_cast<std::size_t>(key.query)].k;
  parallel_for(2, 2, [&](index_t i) {
    if (i == 0 && !(key == moment_a_)) side_a_ = side_at(*shown_.a, key.t, key.phase, query, shown_.survivors_a.get());
    if (i == 1 && shown_.b && !(key_b == moment_b_)) side_b_ = side_at(*shown_.b, key.t, key.phase, query, shown_.survivors_b.get());
  });
  moment_a_ = key;
  if (shown_.b) moment_b_ = key_b;
}

const Side& ViewModel::side_a() {
  refresh_sides();
  return side_a_;
}

const Side* ViewModel::side_b() {
  refresh_sides();
  return shown_.b ? &side_b_ : nullptr;
}

const std::vector<int>& ViewModel::key_rows() {
  const RowsKey key{generation_a_, options.rows == RowOrder::norm ? options.rows_at : 0, options.rows};
  if (!(key == rows_of_)) rows_ = key.by == RowOrder::channel ? std::vector<int>() : key_order(*shown_.a, key.by, key.at);
  rows_of_ = key;
  return rows_;
}

bool ViewModel::measure_ranks(double work) {
  const double spent = ranks_a_.measure(*shown_.a, work);
  if (shown_.b && spent < work) ranks_b_.measure(*shown_.b, work - spent);
  return !ranks_a_.done() || (shown_.b && !ranks_b_.done());
}

void ViewModel::refresh_squares() {
  // The window moves in quarters of itself, so that scrubbing seldom has to work it out anew.
  const int T = shown_.a->length(), count = std::min(T, kMostSquare), quarter = kMostSquare / 4;
  const int first = 1 + std::clamp((transport.t() - kMostSquare / 2) / quarter * quarter, 0, T - count);
  if (squares_of_ == generation_a_ && attention_.first == first) return;
  squares_of_ = generation_a_;
  attention_ = {first, hidden_attention(*shown_.a, first, count)};
  retention_ = {first, retention(*shown_.a, first, count)};
}

const ViewModel::Square& ViewModel::attention_a() {
  refresh_squares();
  return attention_;
}

const ViewModel::Square& ViewModel::retention_a() {
  refresh_squares();
  return retention_;
}

}  // namespace fw::viz
