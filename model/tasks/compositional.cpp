// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Keys of two tokens. A sequence draws a grid of `entities` x `attributes` cells; a write is entity, attribute, value.
//   e4 a1 v7  e4 a2 v3  e9 a1 v8  e9 a2 v1  e4 a1 v5   ? e4 a2  ? e4 a1 ...      targets  . . v3 . . v5
// Every cell is written once, the remaining writes go to any cell, all shuffled; all values of a sequence differ; at the end
// every cell is asked for once. Neither part of a key alone says the value. Keys that share a part are correlated, so an
// edit of (e,a) that is not exact disturbs (e,a') and (e',a): explain() counts which.
#include "model/tasks/makers.h"
#include "model/tasks/writes.h"

namespace fw::model {
namespace {

class Compositional final : public Task {
 public:
  explicit Compositional(const TaskInfo& row)
      : Task(row, {Parameter::whole("entities", 4, 1, 256, "entities in one sequence"),
                   Parameter::whole("attributes", 4, 1, 256, "attributes in one sequence"),
                   Parameter::whole("writes", 24, 1, 65536, "cells written, with repeats"),
                   Parameter::whole("entity_names", 32, 1, 65536, "entities to choose from"),
                   Parameter::whole("attribute_names", 31, 1, 65536, "attributes to choose from"),
                   Parameter::whole("values", 128, 2, 65536, "values to choose from")}) {}

  Vocabulary vocabulary() const override {
    Vocabulary words;
    words.word("?");
    words.kind("e", parameters().whole("entity_names"));
    words.kind("a", parameters().whole("attribute_names"));
    words.kind("v", parameters().whole("values"));
    return words;
  }
  double chance() const override { return 1.0 / static_cast<double>(parameters().whole("values")); }

  std::vector<std::string> harder() const override {
    const index_t cells = parameters().whole("entities") * parameters().whole("attributes"), writes = parameters().whole("writes");
    std::vector<std::string> settings{"writes=" + std::to_string(cells)};
    for (index_t count : {writes, 2 * writes, 4 * writes})
      if (count > cells && count <= parameters().whole("values")) settings.push_back("writes=" + std::to_string(count));
    return settings;
  }

  /// As explain_answer, but "other" is told apart: "same entity", "same attribute", "other".
  std::string_view explain(std::span<const std::int32_t> tokens, std::span<const std::int32_t>, index_t t,
                           std::int32_t predicted) const override {
    const auto at = static_cast<std::size_t>(t);
    const auto cell = [&](std::size_t i) { return index_t{tokens[i]} << 32 | tokens[i + 1]; };
    std::vector<Write> writes;
    std::size_t same = 0;  // where the predicted value was written; 0: nowhere, because position 0 holds no value
    for (std::size_t i = 0; tokens[i] != 0; i += 3) {
      writes.push_back({cell(i), tokens[i + 2]});
      if (tokens[i + 2] == predicted) same = i + 2;
    }
    const std::string_view kind = explain_answer(writes, cell(at - 1), 0, predicted);
    if (kind != "other") return kind;
    return tokens[same - 2] == tokens[at - 1] ? "same entity" : tokens[same - 1] == tokens[at] ? "same attribute" : "other";
  }

 private:
  void check(const Parameters& p) override {
    const index_t cells = p.whole("entities") * p.whole("attributes");
    p.demand(p.whole("entity_names") >= p.whole("entities"), "entity_names", "at least entities = " + std::to_string(p.whole("entities")));
    p.demand(p.whole("attribute_names") >= p.whole("attributes"), "attribute_names",
             "at least attributes = " + std::to_string(p.whole("attributes")));
    p.demand(p.whole("writes") >= cells, "writes", "at least entities times attributes = " + std::to_string(cells));
    p.demand(p.whole("values") >= p.whole("writes"), "values", "at least writes = " + std::to_string(p.whole("writes")));
  }
  index_t length(const Parameters& p) const override { return 3 * (p.whole("writes") + p.whole("entities") * p.whole("attributes")); }

  void fill(const Parameters& p, Split, Draws& draw, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) const override {
    const index_t entities = p.whole("entities"), attributes = p.whole("attributes"), cells = entities * attributes;
    const index_t first_attribute = 1 + p.whole("entity_names"), first_value = first_attribute + p.whole("attribute_names");
    const std::vector<index_t> entity = draw.distinct(entities, p.whole("entity_names"));
    const std::vector<index_t> attribute = draw.distinct(attributes, p.whole("attribute_names"));
    const std::vector<Write> writes = draw_writes(draw, cells, 1, p.whole("writes"), p.whole("values"));
    std::size_t t = 0;
    const auto put_cell = [&](index_t cell) {
      tokens[t++] = static_cast<std::int32_t>(1 + entity[static_cast<std::size_t>(cell / attributes)]);
      tokens[t++] = static_cast<std::int32_t>(first_attribute + attribute[static_cast<std::size_t>(cell % attributes)]);
    };
    for (const Write& write : writes) {
      put_cell(write.slot);
      tokens[t++] = static_cast<std::int32_t>(first_value + write.value);
    }
    for (index_t cell : draw.distinct(cells, cells)) {
      tokens[t++] = 0;
      put_cell(cell);
      targets[t - 1] = static_cast<std::int32_t>(first_value + value_of(writes, cell, 0));
    }
  }
};

}  // namespace

std::unique_ptr<Task> make_compositional(const TaskInfo& row) { return std::make_unique<Compositional>(row); }

}  // namespace fw::model
