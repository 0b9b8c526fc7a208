// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/case_metadata.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <system_error>

#include "core/safetensors_header.h"

namespace fw {
namespace {

std::string folded(std::string_view text, bool upper) {
  std::string out;
  for (char c : text) {
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    out += c;
  }
  return out;
}

/// One key of the metadata at a time; `read` is called when the key is there.
class Reader {
 public:
  explicit Reader(const std::map<std::string, std::string>& metadata) : metadata_(metadata) {}

  const std::string* text(const char* key) const {
    const auto found = metadata_.find(key);
    return found == metadata_.end() ? nullptr : &found->second;
  }
  template <class T>
  void number(const char* key, T& value, const char* expected) const {
    const std::string* given = text(key);
    if (!given) return;
    const char* end = given->data() + given->size();
    T read{};
    const auto [at, error] = std::from_chars(given->data(), end, read);
    bool good = error == std::errc() && at == end;
    if constexpr (std::is_floating_point_v<T>) good = good && std::isfinite(read);
    if (!good) throw Error(fmt::format("read_case: {} must be {}, got {}", key, expected, quoted_name(*given)));
    value = read;
  }
  void flag(const char* key, bool& value) const {
    const std::string* given = text(key);
    if (!given) return;
    const std::string word = folded(*given, false);
    if (word == "true" || word == "1") value = true;
    else if (word == "false" || word == "0") value = false;
    else throw Error(fmt::format("read_case: {} must be true or false, got {}", key, quoted_name(*given)));
  }

 private:
  const std::map<std::string, std::string>& metadata_;
};

}  // namespace

Layout layout_from_name(std::string_view name) {
  const std::string text = folded(name, true);
  if (text == "BTHK" || text == "BTHD") return Layout::BTHK;
  if (text == "BHTK" || text == "BHTD") return Layout::BHTK;
  throw Error("layout: expected BTHK or BHTK, got " + quoted_name(name));
}

StateLayout state_layout_from_name(std::string_view name) {
  const std::string text = folded(name, true);
  if (text == "KV") return StateLayout::KV;
  if (text == "VK") return StateLayout::VK;
  throw Error("state_layout: expected KV or VK, got " + quoted_name(name));
}

std::string_view layout_name(Layout layout) { return layout == Layout::BTHK ? "BTHK" : "BHTK"; }
std::string_view state_layout_name(StateLayout layout) { return layout == StateLayout::KV ? "KV" : "VK"; }

DecayActivation decay_activation_from_name(std::string_view name) {
  for (DecayActivation activation : {DecayActivation::none, DecayActivation::softplus, DecayActivation::bounded})
    if (name == decay_activation_name(activation)) return activation;
  throw Error("decay_activation: expected none, softplus or bounded, got " + quoted_name(name));
}

std::string_view decay_activation_name(DecayActivation activation) {
  switch (activation) {
    case DecayActivation::none: return "none";
    case DecayActivation::softplus: return "softplus";
    case DecayActivation::bounded: return "bounded";
  }
  throw Error("decay_activation_name: unknown activation");
}

void metadata_to_case(CaseFile& file) {
  const Reader read(file.metadata);
  Options& options = file.options;
  if (const std::string* name = read.text("variant")) {
    options.variant = variant_from_name(*name);
  } else {
    std::string known;
    for (const VariantInfo& row : variants()) known += (known.empty() ? "" : ", ") + std::string(row.name);
    throw Error("read_case: the file does not say which rule it is: expected metadata \"variant\" (or --variant), one of " + known);
  }
  if (const std::string* name = read.text("layout")) file.layout = layout_from_name(*name);
  if (const std::string* name = read.text("state_layout")) file.state_layout = state_layout_from_name(*name);
  if (const std::string* name = read.text("decay_activation")) options.decay_activation = decay_activation_from_name(*name);
  read.number("scale", options.scale, "a finite decimal number");
  read.number("l2norm_eps", options.l2norm_eps, "a finite decimal number");
  read.number("decay_lower_bound", options.decay_lower_bound, "a finite decimal number");
  read.number("window", options.window, "a whole number of tokens");
  read.flag("l2norm_qk", options.l2norm_qk);
  read.flag("sigmoid_gates", options.sigmoid_gates);
  read.flag("erase_times_two", options.erase_times_two);
  read.flag("check_ranges", options.check_ranges);
  if (!read.text("scale")) file.warnings.push_back("the metadata do not give the scale: 1/sqrt(Dk) is assumed");
}

void case_to_metadata(const CaseFile& file, std::map<std::string, std::string>& metadata) {
  const Options& options = file.options;
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  double scale = options.scale;
  if (std::isnan(scale) && file.in.q.defined()) scale = 1.0 / std::sqrt(static_cast<double>(file.in.q.shape()[-1]));
  metadata["variant"] = info(options.variant).name;
  metadata["layout"] = layout_name(file.layout);
  metadata["state_layout"] = state_layout_name(file.state_layout);
  if (std::isfinite(scale)) metadata["scale"] = fmt::format("{}", scale);
  metadata["l2norm_qk"] = flag(options.l2norm_qk);
  if (options.l2norm_qk) metadata["l2norm_eps"] = fmt::format("{}", options.l2norm_eps);
  metadata["decay_activation"] = decay_activation_name(options.decay_activation);
  if (options.decay_activation == DecayActivation::bounded) metadata["decay_lower_bound"] = fmt::format("{}", options.decay_lower_bound);
  metadata["sigmoid_gates"] = flag(options.sigmoid_gates);
  metadata["erase_times_two"] = flag(options.erase_times_two);
  if (options.variant == Variant::swa) metadata["window"] = fmt::format("{}", options.window);
  if (options.check_ranges) metadata.erase("check_ranges");
  else metadata["check_ranges"] = flag(false);
}

}  // namespace fw
