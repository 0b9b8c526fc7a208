// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Selective overwrite, and the value before it.
//   edit      k3 v1 k8 v4 k3 v7 k8 v2 k3 v5   ? k8 ? k3      targets  ... v2 . v5
//   previous  the same writes,                < k8 < k3      targets  ... v4 . v7
// `live` keys are drawn for the sequence, every one is written once (edit) or twice (previous), the remaining writes go to
// any of them, and all writes are shuffled: an overwritten key is as likely early as late, so forgetting what is old is no
// solution. All values of a sequence differ. At the end every key is asked for once, in random order.
// With `steady` of them the first so many live keys are written no more than that and the other keys take all the remaining writes: what is
// edited often must not wear away what is not. A decay fast enough for the one forgets the other.
// A rule that only adds cannot forget the old value; one that only decays forgets all keys alike; the delta rule takes away
// what the key held. For `previous` one layer needs to move the current value aside before it writes: with a block of the
// state for the current and one for the previous value of a key this is the swap of two keys, a reflection, erase 2.
#include "model/tasks/makers.h"
#include "model/tasks/writes.h"

namespace fw::model {
namespace {

class Edit final : public Task {
 public:
  Edit(const TaskInfo& row, index_t back)
      : Task(row, {Parameter::whole("live", 8, 1, 4096, "keys in use in one sequence, each asked for once"),
                   Parameter::whole("writes", 24, 1, 32768, "pairs of key and value"),
                   Parameter::whole("keys", 127, 1, 65536, "keys to choose from"),
                   Parameter::whole("values", 128, 2, 65536, "values to choose from"),
                   Parameter::whole("steady", 0, 0, 4095, "of the live keys: never written again, the others take their share")}),
        back_(back) {}

  Vocabulary vocabulary() const override {
    Vocabulary words;
    words.word(back_ == 0 ? "?" : "<");
    words.kind("k", parameters().whole("keys"));
    words.kind("v", parameters().whole("values"));
    return words;
  }
  double chance() const override { return 1.0 / static_cast<double>(parameters().whole("values")); }

  std::vector<std::string> harder() const override {
    const index_t live = parameters().whole("live"), writes = parameters().whole("writes");
    std::vector<std::string> settings;
    index_t last = 0;
    for (index_t count : {(back_ + 1) * live, writes, 2 * writes, 4 * writes}) {
      if (count == last || count > parameters().whole("values")) continue;
      settings.push_back("writes=" + std::to_string(last = count));
    }
    return settings;
  }

  std::string_view explain(std::span<const std::int32_t> tokens, std::span<const std::int32_t>, index_t t,
                           std::int32_t predicted) const override {
    const index_t keys = parameters().whole("keys");
    std::vector<Write> writes;
    for (std::size_t i = 0; tokens[i] != 0; i += 2) writes.push_back({tokens[i] - 1, tokens[i + 1] - 1 - keys});
    return explain_answer(writes, tokens[static_cast<std::size_t>(t)] - 1, back_, predicted - 1 - keys);
  }

 private:
  void check(const Parameters& p) override {
    p.demand(p.whole("keys") >= p.whole("live"), "keys", "at least live = " + std::to_string(p.whole("live")));
    p.demand(p.whole("writes") >= (back_ + 1) * p.whole("live"), "writes",
             "at least " + std::to_string(back_ + 1) + " per live key = " + std::to_string((back_ + 1) * p.whole("live")));
    p.demand(p.whole("steady") < p.whole("live"), "steady", "less than live = " + std::to_string(p.whole("live")));
    p.demand(p.whole("values") >= p.whole("writes"), "values", "at least writes = " + std::to_string(p.whole("writes")));
  }
  index_t length(const Parameters& p) const override { return 2 * p.whole("writes") + 2 * p.whole("live"); }

  void fill(const Parameters& p, Split, Draws& draw, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) const override {
    const index_t live = p.whole("live"), keys = p.whole("keys");
    const std::vector<index_t> key = draw.distinct(live, keys);
    const auto name = [&](index_t slot) { return static_cast<std::int32_t>(1 + key[static_cast<std::size_t>(slot)]); };
    const auto value = [keys](index_t i) { return static_cast<std::int32_t>(1 + keys + i); };
    const std::vector<Write> writes = draw_writes(draw, live, back_ + 1, p.whole("writes"), p.whole("values"), p.whole("steady"));
    std::size_t t = 0;
    for (const Write& write : writes) {
      tokens[t++] = name(write.slot);
      tokens[t++] = value(write.value);
    }
    for (index_t slot : draw.distinct(live, live)) {
      tokens[t++] = 0;
      targets[t] = value(value_of(writes, slot, back_));
      tokens[t++] = name(slot);
    }
  }

  index_t back_;  ///< writes before the last one: 0 edit, 1 previous
};

}  // namespace

std::unique_ptr<Task> make_edit(const TaskInfo& row) { return std::make_unique<Edit>(row, 0); }
std::unique_ptr<Task> make_previous(const TaskInfo& row) { return std::make_unique<Edit>(row, 1); }

}  // namespace fw::model
