// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/document.h"

#include <utility>

namespace fw::viz {
namespace {

constexpr std::size_t kMostUndo = 500;

int tokens_of(const Command& c) { return !makes_token(c.verb) ? 0 : is_counted(c.verb) ? c.count : 1; }

}  // namespace

int tokens_of(const std::vector<Command>& commands) {
  int n = 0;
  for (const Command& c : commands) n += tokens_of(c);
  return n;
}

std::vector<Command> prefix_of(const std::vector<Command>& commands, int tokens) {
  std::vector<Command> out;
  int left = tokens;
  for (const Command& c : commands) {
    const int n = tokens_of(c);
    if (left == 0) break;
    out.push_back(c);
    if (n > left) out.back().count = left;
    left -= n < left ? n : left;
  }
  return out;
}

const Document& History::at(int index) const {
  const auto i = static_cast<std::size_t>(index);
  return i < past_.size() ? past_[i] : i == past_.size() ? now_ : future_[future_.size() - (i - past_.size())];
}

void History::reset(Document document) {
  now_ = std::move(document);
  past_.clear();
  future_.clear();
}

void History::push(Document document) {
  if (document == now_) return;
  past_.push_back(std::exchange(now_, std::move(document)));
  if (past_.size() > kMostUndo) past_.erase(past_.begin());
  future_.clear();
}

bool History::undo() {
  if (past_.empty()) return false;
  future_.push_back(std::exchange(now_, std::move(past_.back())));
  past_.pop_back();
  return true;
}

bool History::redo() {
  if (future_.empty()) return false;
  past_.push_back(std::exchange(now_, std::move(future_.back())));
  future_.pop_back();
  return true;
}

}  // namespace fw::viz
