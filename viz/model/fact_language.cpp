// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/fact_language.h"

#include <charconv>
#include <cmath>

#include "core/error.h"
#include "viz/model/utf8.h"

namespace fw::viz {
namespace {

constexpr int kMostFillers = 65536, kMostFacts = 1024;

bool is_name(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') || u == '_' || u == '-' || u >= 0x80;
}

class Reader {
 public:
  Reader(std::string_view line, int number) : line_(line.substr(0, line.find('#'))), number_(number) {
    if (const std::size_t at = first_malformed(line_); at != std::string_view::npos)
      throw Error("fact language: line " + std::to_string(number_) + " column " + std::to_string(at + 1) +
                  ": expected text in UTF-8, got a byte that is none");
    skip();
  }

  bool at_end() const { return at_ >= line_.size(); }
  std::size_t at() const { return at_; }
  void back_to(std::size_t at) { at_ = at; }

  [[noreturn]] void fail(const std::string& expected) const {
    std::string got = "the end of the line";
    if (!at_end()) {
      std::size_t end = at_;
      while (end < line_.size() && line_[end] != ' ' && line_[end] != '\t') ++end;
      got = "\"" + std::string(line_.substr(at_, end - at_)) + "\"";
    }
    throw Error("fact language: line " + std::to_string(number_) + " column " + std::to_string(at_ + 1) + ": expected " + expected +
                ", got " + got);
  }

  bool take(std::string_view text) {
    if (line_.substr(at_, text.size()) != text) return false;
    at_ += text.size();
    skip();
    return true;
  }
  /// A whole word, so that "delta=1" is a fact and "del ta" is not.
  bool take_word(std::string_view word) {
    const std::size_t end = at_ + word.size();
    if (line_.substr(at_, word.size()) != word || (end < line_.size() && line_[end] != ' ' && line_[end] != '\t')) return false;
    return take(word);
  }
  void demand(std::string_view text, const std::string& after) {
    if (!take(text)) fail("\"" + std::string(text) + "\" after " + after);
  }
  std::string name(const std::string& what) {
    const std::size_t begin = at_;
    while (at_ < line_.size() && is_name(line_[at_])) ++at_;
    if (at_ == begin) fail(what);
    const std::string text(line_.substr(begin, at_ - begin));
    skip();
    return text;
  }
  double number(const std::string& what, double least, double most) {
    double x = 0.0;
    const char* end = line_.data() + line_.size();
    const auto [stop, code] = std::from_chars(line_.data() + at_, end, x);
    if (code != std::errc() || !(x >= least && x <= most) || (stop != end && is_name(*stop)))
      fail(what + " in [" + shortest(least) + "," + shortest(most) + "]");
    at_ = static_cast<std::size_t>(stop - line_.data());
    skip();
    return x;
  }
  int integer(const std::string& what, int least, int most) {
    int x = 0;
    const char* end = line_.data() + line_.size();
    const auto [stop, code] = std::from_chars(line_.data() + at_, end, x);
    if (code != std::errc() || x < least || x > most || (stop != end && (is_name(*stop) || *stop == '.')))
      fail(what + " in [" + std::to_string(least) + "," + std::to_string(most) + "]");
    at_ = static_cast<std::size_t>(stop - line_.data());
    skip();
    return x;
  }

 private:
  void skip() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t' || line_[at_] == '\r')) ++at_;
  }
  std::string_view line_;
  std::size_t at_ = 0;
  int number_;
};

constexpr double kHuge = 1e6;
constexpr int kMostChannels = 4096;

double gate_number(Reader& in, char gate) { return in.number(std::string("a number for ") + gate, 0.0, gate == 'b' ? 2.0 : 1.0); }

GateOverride overrides(Reader& in) {
  GateOverride gates;
  if (!in.take("@")) return gates;
  do {
    if (in.take("b="))
      gates.b = gate_number(in, 'b');
    else if (in.take("w="))
      gates.w = gate_number(in, 'w');
    else if (in.take("a="))
      gates.a = gate_number(in, 'a');
    else
      in.fail("b=, w= or a= after \"@\"");
  } while (!in.at_end());
  return gates;
}

Command gate_command(Reader& in) {
  Command c;
  c.verb = Verb::gate;
  if (in.take_word("off")) {
    c.verb = Verb::gate_off;
    return c;
  }
  if (in.take("b"))
    c.gate = 'b';
  else if (in.take("w"))
    c.gate = 'w';
  else if (in.take("a"))
    c.gate = 'a';
  else
    in.fail("b, w, a or off after \"gate\"");
  if (in.take("[")) {
    c.first = in.integer("the first channel", 0, kMostChannels);
    in.demand(":", "the first channel");
    c.last = in.integer("the channel after the last", c.first + 1, kMostChannels);
    in.demand("]", "the channels");
  }
  in.demand("=", "the gate");
  c.number = gate_number(in, c.gate);
  return c;
}

/// key Ana [0:8]=1 [8:32]=2, key Bo near Ana 0.5
Command key_command(Reader& in) {
  Command c;
  c.verb = Verb::key_shape;
  c.key = in.take("...") ? "..." : in.name("a key or \"...\" after \"key\"");
  if (c.key != "..." && in.take_word("near")) {
    c.verb = Verb::key_near;
    c.value = in.name("another key after \"near\"");
    c.number = in.number("a cosine", -1.0, 1.0);
    return c;
  }
  do {
    Band band;
    in.demand("[", "the key");
    band.first = in.integer("the first channel", 0, kMostChannels);
    in.demand(":", "the first channel");
    band.last = in.integer("the channel after the last", band.first + 1, kMostChannels);
    in.demand("]", "the channels");
    in.demand("=", "the channels");
    band.energy = in.number("an energy", 1e-6, kHuge);
    c.bands.push_back(band);
  } while (!in.at_end());
  return c;
}

/// zero row 3, zero col 4, scale 0.5, perturb 0.05, S[3,5]=0.1; false when the line is none of these.
bool surgery(Reader& in, Command& c) {
  const std::size_t begin = in.at();
  if (in.take_word("zero")) {
    if (in.take_word("row"))
      c.verb = Verb::zero_row, c.row = in.integer("a row", 0, kMostChannels);
    else if (in.take_word("col"))
      c.verb = Verb::zero_col, c.col = in.integer("a column", 0, kMostChannels);
    else
      in.fail("row or col after \"zero\"");
  } else if (in.take_word("scale")) {
    c.verb = Verb::scale, c.number = in.number("a factor", -kHuge, kHuge);
  } else if (in.take_word("perturb")) {
    c.verb = Verb::perturb, c.number = in.number("a standard deviation", 0.0, kHuge);
  } else if (in.take("S[")) {
    c.verb = Verb::set_cell;
    c.row = in.integer("a row", 0, kMostChannels);
    in.demand(",", "the row");
    c.col = in.integer("a column", 0, kMostChannels);
    in.demand("]", "the column");
    in.demand("=", "the cell");
    c.number = in.number("a number", -kHuge, kHuge);
  } else {
    in.back_to(begin);
    return false;
  }
  return true;
}

Command fact(Reader& in) {
  Command c;
  c.key = in.name("a key, a command or \"...\"");
  if (in.take("?")) {
    c.verb = Verb::query;
  } else if (in.take("+=")) {
    c.verb = Verb::append;
    c.attribute = in.name("an attribute after \"+=\"");
    in.demand(":", "the attribute");
    c.value = in.name("a value after \":\"");
  } else if (in.take("=")) {
    c.verb = Verb::write;
    c.value = in.name("a value after \"=\"");
  } else {
    in.fail("=, += or ? after the key");
  }
  c.gates = overrides(in);
  return c;
}

}  // namespace

std::optional<Command> parse_command(std::string_view line, int line_number) {
  Reader in(line, line_number);
  if (in.at_end()) return std::nullopt;
  Command c;
  if (in.take("...")) {
    c.verb = Verb::filler;
    if (!in.at_end()) c.count = in.integer("a number of fillers", 1, kMostFillers);
  } else if (in.take_word("del")) {
    c.verb = Verb::erase;
    c.key = in.name("a key after \"del\"");
    c.gates = overrides(in);
  } else if (in.take_word("gate")) {
    c = gate_command(in);
  } else if (in.take_word("facts")) {
    c.verb = Verb::facts;
    c.count = in.integer("a number of facts", 1, kMostFacts);
  } else if (in.take_word("key")) {
    c = key_command(in);
  } else if (!surgery(in, c)) {
    c = fact(in);
  }
  if (!in.at_end()) in.fail("the end of the line");
  return c;
}

std::vector<Command> parse_script(std::string_view text) {
  std::vector<Command> commands;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (const auto command = parse_command(text.substr(0, end), ++number)) commands.push_back(*command);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return commands;
}

std::string shortest(double number) {
  char buffer[40];
  const auto [end, code] = std::to_chars(buffer, buffer + sizeof buffer, number);
  return code == std::errc() ? std::string(buffer, end) : std::string("?");
}

std::string text_of(const Command& c) {
  std::string gates;
  const auto add = [&gates](const char* name, const std::optional<double>& x) {
    if (x) gates += (gates.empty() ? " @" : " ") + std::string(name) + shortest(*x);
  };
  add("b=", c.gates.b);
  add("w=", c.gates.w);
  add("a=", c.gates.a);
  switch (c.verb) {
    case Verb::write: return c.key + "=" + c.value + gates;
    case Verb::append: return c.key + "+=" + c.attribute + ":" + c.value + gates;
    case Verb::erase: return "del " + c.key + gates;
    case Verb::query: return c.key + "?" + gates;
    case Verb::filler: return c.count == 1 ? "..." : "... " + std::to_string(c.count);
    case Verb::gate:
      return std::string("gate ") + c.gate + (c.last < 0 ? "" : "[" + std::to_string(c.first) + ":" + std::to_string(c.last) + "]") + "=" +
             shortest(c.number);
    case Verb::gate_off: return "gate off";
    case Verb::facts: return "facts " + std::to_string(c.count);
    case Verb::key_near: return "key " + c.key + " near " + c.value + " " + shortest(c.number);
    case Verb::key_shape: {
      std::string text = "key " + c.key;
      for (const Band& band : c.bands)
        text += " [" + std::to_string(band.first) + ":" + std::to_string(band.last) + "]=" + shortest(band.energy);
      return text;
    }
    case Verb::set_cell: return "S[" + std::to_string(c.row) + "," + std::to_string(c.col) + "]=" + shortest(c.number);
    case Verb::zero_row: return "zero row " + std::to_string(c.row);
    case Verb::zero_col: return "zero col " + std::to_string(c.col);
    case Verb::scale: return "scale " + shortest(c.number);
    case Verb::perturb: return "perturb " + shortest(c.number);
  }
  return {};
}

bool makes_token(Verb verb) { return verb != Verb::gate && verb != Verb::gate_off && verb != Verb::key_shape && verb != Verb::key_near; }

bool is_counted(Verb verb) { return verb == Verb::filler || verb == Verb::facts; }

bool is_surgery(Verb verb) {
  return verb == Verb::set_cell || verb == Verb::zero_row || verb == Verb::zero_col || verb == Verb::scale || verb == Verb::perturb;
}

}  // namespace fw::viz
