// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/tasks/writes.h"

namespace fw::model {

std::vector<Write> draw_writes(Draws& draw, index_t slots, index_t least, index_t count, index_t values, index_t steady) {
  const std::vector<index_t> value = draw.distinct(count, values);
  std::vector<index_t> slot;
  for (index_t i = 0; i < count; ++i) slot.push_back(i < least * slots ? i % slots : steady + draw.below(slots - steady));
  draw.shuffle(slot);
  std::vector<Write> writes;
  for (std::size_t i = 0; i < slot.size(); ++i) writes.push_back({slot[i], value[i]});
  return writes;
}

index_t value_of(std::span<const Write> writes, index_t slot, index_t back) {
  for (std::size_t i = writes.size(); i-- > 0;)
    if (writes[i].slot == slot && back-- == 0) return writes[i].value;
  return -1;
}

std::string_view explain_answer(std::span<const Write> writes, index_t slot, index_t back, index_t predicted_value) {
  if (predicted_value == value_of(writes, slot, back)) return "right";
  if (back > 0 && predicted_value == value_of(writes, slot, 0)) return "early";
  for (const Write& write : writes)
    if (write.value == predicted_value) return write.slot == slot ? "stale" : "other";
  return "never";
}

}  // namespace fw::model
