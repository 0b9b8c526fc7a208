// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/tasks/vocabulary.h"

#include <utility>

#include "core/error.h"

namespace fw::model {

std::int32_t Vocabulary::add(std::string name, index_t count, bool numbered) {
  const index_t first = size_;
  ranges_.push_back({std::move(name), first, count, numbered});
  size_ += count;
  return static_cast<std::int32_t>(first);
}

std::int32_t Vocabulary::word(std::string name) { return add(std::move(name), 1, false); }

std::int32_t Vocabulary::kind(std::string prefix, index_t count) { return add(std::move(prefix), count, true); }

std::string Vocabulary::show(index_t token) const {
  for (const Range& range : ranges_)
    if (token >= range.first && token < range.first + range.count)
      return range.numbered ? range.name + std::to_string(token - range.first) : range.name;
  throw Error("vocabulary show: token must be in [0," + std::to_string(size_ - 1) + "], got " + std::to_string(token));
}

std::int32_t Vocabulary::find(std::string_view name) const {
  for (index_t token = 0; token < size_; ++token)
    if (show(token) == name) return static_cast<std::int32_t>(token);
  throw Error("vocabulary find: name must be that of one of " + std::to_string(size_) + " tokens (\"" + show(0) + "\" to \"" +
              show(size_ - 1) + "\"), got \"" + std::string(name) + "\"");
}

}  // namespace fw::model
