// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What one head sees, token by token: the input of every variant that is shown. Commands of the fact language become entries
// with unit key and value vectors drawn by name (the same name and seed give the same vector, on every platform) and gates
// from a policy. The entries are variant-free: b [Dk], w [Dv], g [Dk] are the widest form, GDN-2's; a narrower rule takes
// from them what it can (gates.h). Every token carries a value, as in a model: "del" and "?" have one of their own, which
// GDN-2 shuts out by w = 0 and a rule without a write gate has to store. Queries have the neutral key "?" for k.
#pragma once

#include <string>
#include <vector>

#include "viz/model/fact_language.h"
#include "viz/model/grid.h"

namespace fw::viz {

/// uniform: the policy's number in all channels. banded: as a trained layer looks, the last quarter of the channels is faster
/// (decays more) and erased and written less, with a little jitter per token and channel.
enum class Policy { uniform, banded };

struct Settings {
  std::uint64_t seed = 7;
  int dk = 32, dv = 32;  ///< in [1,256]
  Policy policy = Policy::banded;
  double alpha = 0.998;  ///< decay of the slow channels, in [0,1]
  double alpha_fast = 0.97;
  Scheme keys = Scheme::random, values = Scheme::random;  ///< how they lie to each other; values are never shared
  double shared = 0.5;                                    ///< keys under Scheme::shared: their common part of the energy, in [0,1]
  /// Value channels that mean something, in [0,dv]; the others get fresh noise with every token, as large per channel as the
  /// meaning is. 0: all mean something.
  int signal = 0;
  bool operator==(const Settings&) const = default;
};

enum class EntryKind { write, append, erase, query, filler, surgery, trace };

/// One token: q k b g [Dk], v w [Dv].
struct Entry {
  EntryKind kind = EntryKind::filler;
  std::string label;  ///< the command's text
  int fact = -1;      ///< index into Timeline::facts, -1: none
  Vec q, k, v, b, w, g;
  Command command;     ///< surgery only: what is done to S
  int verdict = 0;     ///< of a model's scored answer after this token: 1 right, -1 wrong, 0 not scored
  bool drawn = false;  ///< by a model, not given
  std::string note;    ///< what the model expects next
};

/// What memory is meant to answer at a fact's key from token `from` on (0-based index of the entry).
struct Intent {
  int from = 0;
  Vec value;
  std::string text;      ///< "red", or "red + city:Rome"
  bool deleted = false;  ///< value is what was stored before the deletion
};

struct Fact {
  std::string key;
  Vec k;
  std::vector<Intent> intents;
  /// The intent in force after t tokens; null before the first.
  const Intent* at(int t) const;
};

struct Codeword {
  std::string text;
  Vec value;
};

struct Timeline {
  int dk = 0, dv = 0;
  double scale = 1.0;      ///< o = scale S^T q
  std::uint64_t seed = 0;  ///< of perturb
  Grid S0;                 ///< [Dk,Dv]
  std::vector<Entry> entries;
  std::vector<Fact> facts;
  std::vector<Codeword> codebook;  ///< every value that was named, in order of first use
  int length() const { return static_cast<int>(entries.size()); }
  /// Index of the fact with this key; -1: none.
  int find_fact(const std::string& key) const;
};

/// Number of blocks the value channels are cut into for attributes, at most four.
int attribute_blocks(int dv);

/// Throws fw::Error: unknown key in del, channels or cells outside, sizes out of range, too many tokens.
Timeline build_timeline(const Settings& settings, const std::vector<Command>& commands);

}  // namespace fw::viz
