// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Names of tokens, so that a sequence can be read by people: "k7 v3 k2 v9 ? k7". A vocabulary is a list of ranges, each
// either one word ("?") or a numbered kind ("k0" .. "k126"); ids are given out in order from 0.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"

namespace fw::model {

class Vocabulary {
 public:
  /// One word. Gives its id.
  std::int32_t word(std::string name);
  /// `count` numbered words prefix0, prefix1, ... Gives the id of the first.
  std::int32_t kind(std::string prefix, index_t count);

  index_t size() const { return size_; }
  /// The name of a token; throws outside 0..size-1.
  std::string show(index_t token) const;
  /// The token of a name; throws when there is none.
  std::int32_t find(std::string_view name) const;

 private:
  struct Range {
    std::string name;
    index_t first, count;
    bool numbered;
  };
  std::int32_t add(std::string name, index_t count, bool numbered);
  std::vector<Range> ranges_;
  index_t size_ = 0;
};

}  // namespace fw::model
