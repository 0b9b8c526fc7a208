// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Text, byte by byte: a token is a byte, the target is the next one, at every position. A sequence is a window that begins
// anywhere. The last `held_out` percent of the text is for evaluation and is never trained on, and neither window reaches
// over the border.
// The text is the one that ships with the library, or a file of any bytes (file=PATH).
#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "model/tasks/makers.h"
#include "model/tasks/shipped_text.h"

namespace fw::model {
namespace {

std::string read_text(const std::string& path) {
  if (path.empty()) return std::string(shipped_text());
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();  // fails on a folder, and when there is not one byte
  if (!in || !bytes) throw Error("task text: file must be the path of a readable file that is not empty, got \"" + path + "\"");
  return bytes.str();
}

class Text final : public Task {
 public:
  explicit Text(const TaskInfo& row)
      : Task(row, {Parameter::whole("T", 256, 1, 1048576, "bytes"),
                   Parameter::whole("held_out", 10, 1, 90, "percent at the end, for evaluation"),
                   Parameter::word("file", "", "path of a text; empty: the one that ships")}) {}

  Vocabulary vocabulary() const override {
    Vocabulary words;
    for (int byte = 0; byte < 256; ++byte) {
      constexpr std::string_view hex = "0123456789abcdef";
      if (byte == '\n')
        words.word("\\n");
      else if (byte == '\\')
        words.word("\\\\");
      else if (byte >= 32 && byte < 127)
        words.word(std::string(1, static_cast<char>(byte)));
      else
        words.word(std::string("\\x") + hex[static_cast<std::size_t>(byte / 16)] + hex[static_cast<std::size_t>(byte % 16)]);
    }
    return words;
  }
  /// The text itself; kNotScored is left out.
  std::string show(std::span<const std::int32_t> tokens) const override {
    std::string bytes;
    for (std::int32_t token : tokens)
      if (token != kNotScored) bytes += static_cast<char>(token);
    return bytes;
  }

  /// Of the commonest byte of the training part, measured on the part that is held out.
  double chance() const override {
    const auto [train, held] = parts(parameters(), text_);
    std::array<index_t, 256> seen{};
    for (char c : train) ++seen[static_cast<unsigned char>(c)];
    const auto commonest = static_cast<char>(std::max_element(seen.begin(), seen.end()) - seen.begin());
    return static_cast<double>(std::count(held.begin(), held.end(), commonest)) / static_cast<double>(held.size());
  }

  std::vector<std::string> harder() const override {
    const index_t T = parameters().whole("T"), most = static_cast<index_t>(parts(parameters(), text_).held.size()) - 1;
    std::vector<std::string> settings{"T=" + std::to_string(T)};
    for (index_t length : {2 * T, 4 * T})
      if (length <= most) settings.push_back("T=" + std::to_string(length));
    return settings;
  }

 private:
  struct Parts {
    std::string_view train, held;
  };
  static Parts parts(const Parameters& p, std::string_view whole) {
    const auto held = whole.size() * static_cast<std::size_t>(p.whole("held_out")) / 100;
    return {whole.substr(0, whole.size() - held), whole.substr(whole.size() - held)};
  }

  void check(const Parameters& p) override {
    std::string read = text_;
    if (text_.empty() || p.text("file") != path_) read = read_text(p.text("file"));
    const Parts part = parts(p, read);
    const std::size_t most = std::min(part.train.size(), part.held.size());
    p.demand(p.whole("T") < static_cast<index_t>(most), "T", "below the bytes of either part of the text = " + std::to_string(most));
    text_ = std::move(read);
    path_ = p.text("file");
  }
  index_t length(const Parameters& p) const override { return p.whole("T"); }

  void fill(const Parameters& p, Split split, Draws& draw, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) const override {
    const Parts part = parts(p, text_);
    const std::string_view from = split == Split::train ? part.train : part.held;
    const auto begin = static_cast<std::size_t>(draw.below(static_cast<index_t>(from.size() - tokens.size())));
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      tokens[t] = static_cast<unsigned char>(from[begin + t]);
      targets[t] = static_cast<unsigned char>(from[begin + t + 1]);
    }
  }

  std::string text_, path_;
};

}  // namespace

std::unique_ptr<Task> make_text(const TaskInfo& row) { return std::make_unique<Text>(row); }

}  // namespace fw::model
