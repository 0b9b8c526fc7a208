// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <cmath>

#include "core/error.h"
#include "fixtures.h"
#include "support/hash.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

TEST_CASE("timeline: names are unit vectors, the same for the same name and seed on every platform") {
  const Vec ana = unit_vector(7, "key", "Ana", 32);
  CHECK_CLOSE(tensor(norm(ana)), tensor(1.0), kExactToRounding);
  CHECK(ana == unit_vector(7, "key", "Ana", 32));
  CHECK(ana != unit_vector(8, "key", "Ana", 32));
  CHECK(ana != unit_vector(7, "value", "Ana", 32));
  CHECK(ana != unit_vector(7, "key", "Bo", 32));
  Fingerprint bits;
  for (double x : ana) bits.add(x);
  CHECK(bits.value() == 0x53077eae3e6ace95u);
}

TEST_CASE("timeline: gates follow the command, the gate in force, then the policy") {
  const auto line = timeline_of("Ana=red\ngate b[1:3]=0.25\nBo=blue\nCy=teal @b=0.5\ngate off\ndel Ana\nAna?\n", uniform(4, 4, 0.5));
  const auto& e = line->entries;
  REQUIRE(e.size() == 5);
  CHECK(e[0].b == Vec{1, 1, 1, 1});
  CHECK(e[1].b == Vec{1, 0.25, 0.25, 1});
  CHECK(e[2].b == Vec{0.5, 0.5, 0.5, 0.5});
  CHECK(e[3].b == Vec{1, 1, 1, 1});
  CHECK(e[3].w == Vec{0, 0, 0, 0});
  CHECK(e[4].b == Vec{0, 0, 0, 0});
  for (double g : e[0].g) CHECK_CLOSE(tensor(g), tensor(std::log(0.5)), kExactToRounding);
}

TEST_CASE("timeline: alpha = 0 is a reset, g = -inf") {
  const auto line = timeline_of("gate a[0:1]=0\nAna=red\n", uniform(2, 2));
  CHECK(line->entries[0].g[0] == -std::numeric_limits<double>::infinity());
  CHECK(line->entries[0].g[1] == 0.0);
}

TEST_CASE("timeline: an append writes inside its block only and adds to the intended value") {
  const auto line = timeline_of("Ana+=color:red\nAna+=city:Rome\n", uniform(8, 8));
  const Fact& ana = line->facts.at(0);
  CHECK(line->entries[0].w == Vec{1, 1, 0, 0, 0, 0, 0, 0});
  CHECK(line->entries[1].w == Vec{0, 0, 1, 1, 0, 0, 0, 0});
  CHECK(line->entries[1].b == Vec(8, 0.0));
  CHECK(ana.at(1)->text == "color:red");
  CHECK(ana.at(2)->text == "color:red + city:Rome");
  CHECK_CLOSE(tensor(norm(ana.at(2)->value)), tensor(std::sqrt(2.0)), kExactToRounding);
}

TEST_CASE("timeline: intents change at their token, a deletion keeps the value that should fade") {
  const auto line = timeline_of("Ana=red\n...\nAna=gold\ndel Ana\n", uniform(4, 4));
  const Fact& ana = line->facts.at(0);
  CHECK(ana.at(0) == nullptr);
  CHECK(ana.at(1)->text == "red");
  CHECK(ana.at(2)->text == "red");
  CHECK(ana.at(3)->text == "gold");
  CHECK_FALSE(ana.at(3)->deleted);
  CHECK(ana.at(4)->deleted);
  CHECK(ana.at(4)->value == ana.at(3)->value);
  CHECK(line->codebook.size() == 2);
}

TEST_CASE("timeline: the banded policy stays within the gates' ranges") {
  Settings s;
  s.dk = 64;
  s.dv = 48;
  const auto line = timeline_of("Ana=red\n... 40\ndel Ana\nAna+=city:Rome\n", s);
  for (const Entry& e : line->entries) {
    for (double b : e.b) CHECK((b >= 0.0 && b <= 1.0));
    for (double w : e.w) CHECK((w >= 0.0 && w <= 1.0));
    for (double g : e.g) CHECK((g <= 0.0 && g > -1.0));
  }
}

TEST_CASE("timeline: rejects unknown keys, channels outside, sizes and counts out of range") {
  CHECK_THROWS_WITH_AS(timeline_of("del Zed\n"), "timeline: del Zed: expected a key that was written before, got \"Zed\"", Error);
  CHECK_THROWS_WITH_AS(timeline_of("Ana=red\ngate b[0:33]=1\n"), "timeline: gate b[0:33]=1: expected channels inside 0:32, got 0:33",
                       Error);
  CHECK_THROWS_AS(timeline_of("zero row 32\n"), Error);
  CHECK_THROWS_AS(timeline_of("zero col 32\n"), Error);
  CHECK_THROWS_AS(timeline_of("S[32,0]=1\n"), Error);
  CHECK_THROWS_AS(timeline_of("... 65536\n... 65536\n...\n", uniform(1, 1)), Error);
  CHECK_THROWS_AS(timeline_of("", uniform(0, 4)), Error);
  CHECK_THROWS_AS(timeline_of("", uniform(4, 257)), Error);
  CHECK_THROWS_AS(timeline_of("", uniform(4, 4, 1.5)), Error);
  CHECK(timeline_of("")->length() == 0);
}

TEST_SUITE_END();
