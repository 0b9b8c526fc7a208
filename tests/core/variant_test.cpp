// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/variant.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "core/error.h"

TEST_SUITE_BEGIN("core");

using fw::Decay;
using fw::Erase;
using fw::Variant;
using fw::Write;

TEST_CASE("variants: the table is in the order of the enum, complete, names unique") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < fw::variants().size(); ++i) {
    const fw::VariantInfo& row = fw::variants()[i];
    CHECK(static_cast<std::size_t>(row.id) == i);
    CHECK(&fw::info(row.id) == &row);
    CHECK(names.insert(row.name).second);
    for (std::string_view text : {row.name, row.title, row.equation, row.source, row.collapse}) CHECK_FALSE(text.empty());
  }
  CHECK(fw::variants().size() == static_cast<std::size_t>(Variant::swa) + 1);
}

TEST_CASE("variants: the gate structure of each row is that of its equation") {
  const auto is = [](Variant id, Decay decay, Erase erase, Write write) {
    const fw::VariantInfo& row = fw::info(id);
    return row.decay == decay && row.erase == erase && row.write == write;
  };
  CHECK(is(Variant::linear, Decay::none, Erase::none, Write::one));
  CHECK(is(Variant::mamba2, Decay::scalar, Erase::none, Write::one));
  CHECK(is(Variant::gla, Decay::channel, Erase::none, Write::one));
  CHECK(is(Variant::delta, Decay::none, Erase::scalar, Write::scalar));
  CHECK(is(Variant::gdn, Decay::scalar, Erase::scalar, Write::scalar));
  CHECK(is(Variant::kda, Decay::channel, Erase::scalar, Write::scalar));
  CHECK(is(Variant::gdn2_write, Decay::channel, Erase::mean, Write::channel));
  CHECK(is(Variant::gdn2_erase, Decay::channel, Erase::channel, Write::mean));
  CHECK(is(Variant::gdn2, Decay::channel, Erase::channel, Write::channel));
  for (Variant id : {Variant::softmax, Variant::swa}) CHECK(fw::info(id).family == fw::Family::attention);
  for (Variant id : {Variant::mamba3, Variant::mamba3_mimo}) CHECK(fw::info(id).family == fw::Family::mamba3);
}

TEST_CASE("variant_from_name: reads names and aliases, in any case, with _ for -") {
  for (const auto& row : fw::variants()) CHECK(fw::variant_from_name(row.name) == row.id);
  CHECK(fw::variant_from_name("GDN2") == Variant::gdn2);
  CHECK(fw::variant_from_name("gated_deltanet_2") == Variant::gdn2);
  CHECK(fw::variant_from_name("Gated DeltaNet") == Variant::gdn);
  CHECK(fw::variant_from_name("deltanet") == Variant::delta);
}

TEST_CASE("variant_from_name: rejects what it does not know and lists what it does") {
  for (const char* name : {"", "gdn3", "gdn ", "kda\n"}) CHECK_THROWS_AS(fw::variant_from_name(name), fw::Error);
  try {
    fw::variant_from_name("gdn3");
    FAIL("accepted gdn3");
  } catch (const fw::Error& error) {
    const std::string text = error.what();
    CHECK(text.find("gdn3") != std::string::npos);
    for (const auto& row : fw::variants()) CHECK(text.find(row.name) != std::string::npos);
  }
}

TEST_SUITE_END();
