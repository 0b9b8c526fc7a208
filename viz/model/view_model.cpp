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

int ViewModel::length() const { return std::max(a_->length(), b_ ? b_->length() : 0); }

namespace {

/// Whether B's gates rule everywhere is nothing to A.
bool same_for_a(std::optional<ModelSource> x, const std::optional<ModelSource>& y) {
  if (x && y) x->rerun = y->rerun;
  return x == y;
}

}  // namespace

/// Build what differs from what is shown; nothing is replaced before all of it has been built.
void ViewModel::adopt(const Document& document) {
  check_head(document.a);
  check_head(document.b);
  Sources sources = opened_ ? *opened_ : sources_;
  opened_.reset();
  sources.open(document);
  const bool same_log = a_ != nullptr && document.settings == adopted_.settings && document.commands == adopted_.commands &&
                        document.trace == adopted_.trace && same_for_a(document.model, adopted_.model);
  auto line_a = same_log ? line_a_ : sources.timeline_a(document);
  const bool new_a = !same_log || !(document.a == adopted_.a);
  // B has a timeline of its own on a branch, and where the model was run again with its gates.
  const bool same_b = same_log && document.model == adopted_.model && document.compare == adopted_.compare && document.b == adopted_.b &&
                      document.branch == adopted_.branch;
  auto line_b = same_b ? line_b_ : document.compare ? sources.timeline_b(document) : nullptr;
  if (document.compare && line_b == nullptr) line_b = line_a;
  const bool new_b = document.compare && (b_ == nullptr || !same_b || line_b != line_b_);
  std::shared_ptr<Run> a = a_, b = document.compare ? b_ : nullptr;
  parallel_for(2, 2, [&](index_t i) {
    if (i == 0 && new_a) a = std::make_shared<Run>(line_a, document.a);
    if (i == 1 && new_b) b = std::make_shared<Run>(line_b, document.b, Run::Options(), std::exchange(spare_, {}));
  });
  Vec divergence;
  if (b != nullptr) divergence = new_a || new_b ? divergence_of(*a, *b, {}) : divergence_;
  a_ = std::move(a);
  if (new_b) survivors_b_.reset();
  if (new_b && b_.use_count() == 1) spare_ = b_->take_states();
  b_ = std::move(b);
  line_a_ = std::move(line_a);
  line_b_ = std::move(line_b);
  divergence_ = std::move(divergence);
  sources_ = std::move(sources);
  adopted_ = document;
  if (new_a) ++generation_a_, survivors_a_ = std::make_shared<Survivors>(a_), ranks_a_ = {};
  if (new_b) ++generation_b_, survivors_b_ = std::make_shared<Survivors>(b_), ranks_b_ = {};
  ++generation_;
  transport.set_length(length());
}

void ViewModel::open(Document document) {
  adopt(document);
  history_.reset(std::move(document));
  selection.unlock();
  transport.to_end();
}

void ViewModel::change(Document document, bool dragging) {
  if (!(document == history_.now())) {
    adopt(document);
    dragging_ ? history_.amend(std::move(document)) : history_.push(std::move(document));
  }
  dragging_ = dragging;
}

bool ViewModel::undo() {
  if (!history_.undo()) return false;
  try {
    adopt(history_.now());
  } catch (...) {  // a trace whose file is gone
    history_.redo();
    throw;
  }
  return true;
}

bool ViewModel::redo() {
  if (!history_.redo()) return false;
  try {
    adopt(history_.now());
  } catch (...) {
    history_.undo();
    throw;
  }
  return true;
}

void ViewModel::revisit(int index) {
  const int steps = index - history_.position();
  if (index < 0 || index >= history_.count())
    throw Error("history: expected a state in [0," + std::to_string(history_.count() - 1) + "], got " + std::to_string(index));
  const auto move = [&](int n) {
    for (; n > 0; --n) history_.redo();
    for (; n < 0; ++n) history_.undo();
  };
  move(steps);
  try {
    adopt(history_.now());
  } catch (...) {
    move(-steps);
    throw;
  }
}

void ViewModel::restore(const ViewModel& saved) {
  const int newest = std::max(generation_, saved.generation_);
  *this = saved;
  generation_ = newest + 1;  // pictures of either must not be taken for this
}

void ViewModel::fork() {
  Document next = document();
  if (next.trace || next.model)
    throw Error("fork: expected typed facts, got " + (next.trace ? "a trace (" + next.trace->path : "a checkpoint (" + next.model->path) +
                ")");
  const int t = std::min(transport.t(), a_->length());
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

void ViewModel::extend_divergence() {
  if (b_) divergence_ = divergence_of(*a_, *b_, std::move(divergence_));
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
  for (std::size_t t = 0; t < divergence_.size(); ++t)
    if (!(divergence_[t] <= 1e-3)) return static_cast<int>(t);
  return -1;
}

int ViewModel::tracked_fact() const {
  const int facts = static_cast<int>(a_->timeline().facts.size()), focused = selection.focused().fact;
  if (focused >= 0 && focused < facts) return focused;
  // The token shown is A's; B's where only B goes on. Their logs may have met the facts in another order.
  const int t = transport.t();
  const Run* run = t <= a_->length() ? a_.get() : b_ && t <= b_->length() ? b_.get() : nullptr;
  if (run == nullptr || t == 0) return -1;
  const int fact = run->timeline().entries[static_cast<std::size_t>(t - 1)].fact;
  return fact < 0 ? -1 : a_->timeline().find_fact(run->timeline().facts[static_cast<std::size_t>(fact)].key);
}

void ViewModel::refresh_sides() {
  Key key{generation_a_, transport.t(), tracked_fact(), transport.phase()}, key_b = key;
  key_b.generation = generation_b_;
  const Vec* query = key.query < 0 ? nullptr : &a_->timeline().facts[static_cast<std::size_t>(key.query)].k;
  parallel_for(2, 2, [&](index_t i) {
    if (i == 0 && !(key == shown_a_)) side_a_ = side_at(*a_, key.t, key.phase, query, survivors_a_.get());
    if (i == 1 && b_ && !(key_b == shown_b_)) side_b_ = side_at(*b_, key.t, key.phase, query, survivors_b_.get());
  });
  shown_a_ = key;
  if (b_) shown_b_ = key_b;
}

const Side& ViewModel::side_a() {
  refresh_sides();
  return side_a_;
}

const Side* ViewModel::side_b() {
  refresh_sides();
  return b_ ? &side_b_ : nullptr;
}

const std::vector<int>& ViewModel::key_rows() {
  const RowsKey key{generation_a_, options.rows == RowOrder::norm ? options.rows_at : 0, options.rows};
  if (!(key == rows_of_)) rows_ = key.by == RowOrder::channel ? std::vector<int>() : key_order(*a_, key.by, key.at);
  rows_of_ = key;
  return rows_;
}

bool ViewModel::measure_ranks(double work) {
  const double spent = ranks_a_.measure(*a_, work);
  if (b_ && spent < work) ranks_b_.measure(*b_, work - spent);
  return !ranks_a_.done() || (b_ && !ranks_b_.done());
}

void ViewModel::refresh_squares() {
  // The window moves in quarters of itself, so that scrubbing seldom has to work it out anew.
  const int T = a_->length(), count = std::min(T, kMostSquare), quarter = kMostSquare / 4;
  const int first = 1 + std::clamp((transport.t() - kMostSquare / 2) / quarter * quarter, 0, T - count);
  if (squares_of_ == generation_a_ && attention_.first == first) return;
  squares_of_ = generation_a_;
  attention_ = {first, hidden_attention(*a_, first, count)};
  retention_ = {first, retention(*a_, first, count)};
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
