// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What edit, previous and compositional have in common: a list of writes (which slot gets which value) and the question what
// kind of answer a model gave.
//   right: what was asked for       stale: an overwritten value of the same slot: a failure to erase
//   early: asked for the last but one, the last was given   other: a value of another slot: collateral damage
//   never: written nowhere in this sequence
// The values of a sequence all differ, so that every answer has one reading.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "model/tasks/draws.h"

namespace fw::model {

struct Write {
  index_t slot = 0, value = 0;
};

/// `count` writes to slots 0..slots-1 in random order, every slot at least `least` times, the other writes to any slot but the first
/// `steady`, which must be fewer than `slots` if there are other writes.
std::vector<Write> draw_writes(Draws& draw, index_t slots, index_t least, index_t count, index_t values, index_t steady = 0);

/// The value that the slot held `back` writes before its last one.
index_t value_of(std::span<const Write> writes, index_t slot, index_t back);

/// The kind of an answer to a question about `slot`, `back` writes before the last.
std::string_view explain_answer(std::span<const Write> writes, index_t slot, index_t back, index_t predicted_value);

}  // namespace fw::model
