// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/fact_language.h"

#include <doctest/doctest.h>

#include <string>

#include "core/error.h"
#include "core/random.h"

using namespace fw;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

std::string refusal(const std::string& line) {
  try {
    parse_command(line, 3);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("fact language: every command is read") {
  CHECK(parse_command("Ana=red")->verb == Verb::write);
  CHECK(parse_command("Ana=red")->key == "Ana");
  CHECK(parse_command("Ana=red")->value == "red");
  const auto gated = parse_command("  Ana = red   @b=1 w=0.5 a=0.99  # comment");
  CHECK(*gated->gates.b == 1.0);
  CHECK(*gated->gates.w == 0.5);
  CHECK(*gated->gates.a == 0.99);
  const auto append = parse_command("Ana+=city:Rome");
  CHECK(append->verb == Verb::append);
  CHECK(append->attribute == "city");
  CHECK(append->value == "Rome");
  CHECK(parse_command("del Ana")->verb == Verb::erase);
  CHECK(parse_command("Ana?")->verb == Verb::query);
  CHECK(parse_command("...")->count == 1);
  CHECK(parse_command("... 12")->count == 12);
  const auto gate = parse_command("gate b[0:8]=0.2");
  CHECK(gate->gate == 'b');
  CHECK(gate->first == 0);
  CHECK(gate->last == 8);
  CHECK(gate->number == 0.2);
  CHECK(parse_command("gate a=0.5")->last == -1);
  CHECK(parse_command("gate off")->verb == Verb::gate_off);
  CHECK(parse_command("S[3,5]=-0.1")->number == -0.1);
  CHECK(parse_command("zero row 3")->row == 3);
  CHECK(parse_command("zero col 4")->col == 4);
  CHECK(parse_command("scale 0.5")->verb == Verb::scale);
  CHECK(parse_command("perturb 0.05")->verb == Verb::perturb);
  CHECK(parse_command("facts 24")->count == 24);
  CHECK(parse_command("facts=24")->key == "facts");
  const auto shape = parse_command("key Ana [0:8]=1 [8:32]=2");
  CHECK(shape->verb == Verb::key_shape);
  CHECK(shape->bands == std::vector<Band>{{0, 8, 1.0}, {8, 32, 2.0}});
  CHECK(parse_command("key ... [0:8]=1")->key == "...");
  CHECK(parse_command("key Bo near Ana -0.5")->verb == Verb::key_near);
  CHECK(parse_command("key=on")->key == "key");
  for (const char* line : {"facts 24", "key Ana [0:8]=1 [8:32]=2", "key Bo near Ana -0.5", "key ... [0:8]=1"})
    CHECK(text_of(*parse_command(line)) == line);
  for (const char* line :
       {"facts", "facts 0", "key", "key Ana", "key Ana [8:8]=1", "key Ana [0:8]=0", "key Bo near Ana", "key Bo near Ana 2"})
    CHECK_THROWS_AS(parse_command(line), Error);
  CHECK_FALSE(parse_command("").has_value());
  CHECK_FALSE(parse_command("   # only a comment").has_value());
}

TEST_CASE("fact language: words are keys too") {
  CHECK(parse_command("del=red")->key == "del");
  CHECK(parse_command("gate?")->verb == Verb::query);
  CHECK(parse_command("scale=3")->verb == Verb::write);
  CHECK(parse_command("Zo\xc3\xab=caf\xc3\xa9")->key == "Zo\xc3\xab");
}

TEST_CASE("fact language: the canonical text reads back the same") {
  for (const char* line :
       {"Ana=red", "Ana=red @b=1 w=0.1 a=0.3", "Ana+=city:Rome @w=0.25", "del Ana @b=2", "Ana?", "...", "... 7", "gate b[0:8]=0.2",
        "gate w=1", "gate off", "S[3,5]=0.1", "zero row 3", "zero col 4", "scale -2.5", "perturb 0.05", "scale 1e-05"}) {
    const auto command = parse_command(line);
    CHECK_MESSAGE(parse_command(text_of(*command)) == command, line);
    CHECK(text_of(*parse_command(text_of(*command))) == text_of(*command));
  }
}

TEST_CASE("fact language: rejects what is no command, naming line, column, expected and got") {
  CHECK(refusal("Ana=") == "fact language: line 3 column 5: expected a value after \"=\", got the end of the line");
  CHECK(refusal("Ana") == "fact language: line 3 column 4: expected =, += or ? after the key, got the end of the line");
  CHECK(refusal("gate q=1") == "fact language: line 3 column 6: expected b, w, a or off after \"gate\", got \"q=1\"");
  CHECK(refusal("Ana=red @w=1.5") == "fact language: line 3 column 12: expected a number for w in [0,1], got \"1.5\"");
  for (const char* line :
       {"=red",      "Ana=red green", "Ana+=Rome",       "Ana+=city:", "del",           "Ana? really", "... 0",
        "... -3",    "... 99999999",  "... 2.5",         "gate b",     "gate b[3:2]=1", "gate b[0:9]", "gate b[0:8]=nan",
        "gate a=-1", "gate b=inf",    "gate w=2",        "S[1]=2",     "S[-1,0]=2",     "S[0,0]=",     "zero",
        "zero row",  "zero row x",    "zero diagonal 3", "scale",      "scale x",       "scale 1e300", "perturb -1",
        "Ana=red @", "Ana=red @x=1",  "Ana=red @b=3",    "?",          "\x01",          "Ana=red;",    "gate b[99999999999:5]=1"})
    CHECK_MESSAGE(!refusal(line).empty(), line);
}

TEST_CASE("fact language: random lines are read or refused, and what is read comes back") {
  const Random random(3, "lines");
  const std::string pieces[] = {"Ana", "=",     "+=",   ":",        "?",      "del ",     "gate ",
                                "b",   "w",     "a",    "[",        "]",      ",",        "0",
                                "8",   "-1",    "0.5",  "1e9",      "@",      " ",        "...",
                                "S[",  "zero ", "row ", "col ",     "scale ", "perturb ", "off",
                                "\t",  "#",     "\xff", "\xc3\xa9", "nan",    "inf",      "99999999999999999999"};
  int read = 0;
  for (std::uint64_t n = 0; n < 20000; ++n) {
    std::string line;
    for (std::uint64_t i = 0; i < 1 + random.bits(n * 16) % 9; ++i) line += pieces[random.bits(n * 16 + 1 + i) % std::size(pieces)];
    try {
      const auto command = parse_command(line);
      if (!command) continue;
      ++read;
      CHECK_MESSAGE(parse_command(text_of(*command)) == command, line);
    } catch (const Error&) {
    }
  }
  CHECK(read > 200);
}

TEST_CASE("fact language: a script numbers its lines") {
  CHECK(parse_script("Ana=red\n\n# note\nAna?\n").size() == 2);
  CHECK(parse_script("").empty());
  CHECK_THROWS_WITH_AS(parse_script("Ana=red\r\nBo\r\n"),
                       "fact language: line 2 column 4: expected =, += or ? after the key, got the end of the line", Error);
}

TEST_CASE("fact language: names in UTF-8 are taken, bytes that are none refused") {
  CHECK(parse_command("B\xc3\xb6=\xf0\x9f\x90\xb1")->key == "B\xc3\xb6");
  for (const char* bad : {"A\x83=b", "A=\xc3", "A=\xc0\xaf", "A=\xed\xa0\x80", "A=\xf4\x90\x80\x80", "A=\xe0\x80\x80", "A=\xff"})
    CHECK_THROWS_AS(parse_command(bad), Error);
  CHECK_THROWS_WITH_AS(parse_command("A=\x83"), "fact language: line 1 column 3: expected text in UTF-8, got a byte that is none", Error);
}

TEST_SUITE_END();
