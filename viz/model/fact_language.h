// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The fact language: what is typed into the command box, written in scripts and kept in sessions. One command a line.
//   Ana=red                 write the fact, gates by policy        Ana=red @b=1 w=0.5 a=0.99   with gates of its own
//   Ana+=city:Rome          append: erase nothing (b = 0), write only into the block of value channels of "city"
//   del Ana                 erase along the key, write nothing (w = 0)
//   Ana?                    query: reads, edits nothing           ...      ... 5               one filler token, five
//   gate b[0:8]=0.2         override a gate from here on (b, w or a; channels first:last, last excluded)     gate off
//   facts 24                facts f1=v1, f2=v2, ...: so many more of them
//   key Ana [0:8]=1 [8:32]=2   shape a key before its first use: energy per range of channels ("key ... " shapes the fillers')
//   key Bo near Ana 0.5     cosine with another key
//   S[3,5]=0.1   zero row 3   zero col 4   scale 0.5   perturb 0.05     direct surgery on the memory, flagged as such
// Names: letters, digits, _ - and any byte of UTF-8; "#" starts a comment. Ranges: b in [0,2], w in [0,1], a = alpha in [0,1].
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "viz/model/names.h"

namespace fw::viz {

enum class Verb {
  write,
  append,
  erase,
  query,
  filler,
  facts,
  gate,
  gate_off,
  key_shape,
  key_near,
  set_cell,
  zero_row,
  zero_col,
  scale,
  perturb
};

/// Gate values of one command; absent ones come from the policy.
struct GateOverride {
  std::optional<double> b, w, a;
  bool operator==(const GateOverride&) const = default;
};

struct Command {
  Verb verb = Verb::filler;
  std::string key, attribute, value;  ///< write: key, value; append: all three; erase, query, key_shape: key; key_near: key, other key
  GateOverride gates;
  int count = 1;             ///< filler, facts
  char gate = 'b';           ///< gate: b, w or a
  int first = 0, last = -1;  ///< gate: channels [first, last); last -1: all
  int row = 0, col = 0;      ///< set_cell, zero_row, zero_col
  double number = 0.0;       ///< gate, key_near, set_cell, scale, perturb
  std::vector<Band> bands;   ///< key_shape
  bool operator==(const Command&) const = default;
};

/// One line; empty when it holds nothing but blanks or a comment. Throws fw::Error that names the column, what was expected
/// and what came, e.g.  fact language: line 2 column 5: expected a value after "=", got the end of the line
std::optional<Command> parse_command(std::string_view line, int line_number = 1);

/// Lines of a script to commands.
std::vector<Command> parse_script(std::string_view text);

/// The canonical text: parse_command(text_of(c)) == c.
std::string text_of(const Command& command);

/// Does the command make a token (an entry of the timeline)? gates and shapes of keys do not.
bool makes_token(Verb verb);
/// Does it make `count` of them?
bool is_counted(Verb verb);
/// Does it change S directly instead of by the rule?
bool is_surgery(Verb verb);

/// The shortest decimal text that reads back as the same double.
std::string shortest(double number);

}  // namespace fw::viz
