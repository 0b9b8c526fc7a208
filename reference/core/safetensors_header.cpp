// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <limits>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace fw {
namespace {

constexpr std::string_view kMetadata = "__metadata__";

struct Named {
  std::string_view name;
  DType dtype;
};
constexpr std::array kDTypes = {Named{"F64", DType::f64}, Named{"F32", DType::f32}, Named{"BF16", DType::bf16},
                                Named{"F16", DType::f16}, Named{"I64", DType::i64}, Named{"I32", DType::i32}};

/// Takes the header apart while it is being parsed, so that nothing is stored that has not been checked: JSON libraries
/// forget the first of two equal keys, and here both would name bytes of the file.
class HeaderHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderHandler(const std::string& where) : where_(where) {}
  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    switch (state_) {
      case State::before: state_ = State::root; return true;
      case State::root_value: begin_value(); return true;
      default: unexpected("an object");
    }
  }

  bool key(std::string& name) override {
    key_ = name;
    switch (state_) {
      case State::root: state_ = State::root_value; return true;
      case State::metadata: state_ = State::metadata_value; return true;
      default: break;
    }
    if (name == "dtype" && !dtype_) state_ = State::dtype;
    else if (name == "shape" && !shape_) state_ = State::shape;
    else if (name == "data_offsets" && !offsets_) state_ = State::offsets;
    else if (name == "dtype" || name == "shape" || name == "data_offsets") refuse_tensor(name + " is given twice");
    else refuse_tensor("expected the keys dtype, shape and data_offsets, got " + quoted_name(name));
    return true;
  }

  bool end_object() override {
    if (state_ == State::tensor) finish_tensor();
    state_ = state_ == State::root ? State::after : State::root;
    return true;
  }

  bool start_array(std::size_t) override {
    if (state_ == State::shape && !shape_) shape_.emplace();
    else if (state_ == State::offsets && !offsets_) offsets_.emplace();
    else unexpected("an array");
    return true;
  }

  bool end_array() override {
    state_ = State::tensor;
    return true;
  }

  bool string(std::string& value) override {
    if (state_ == State::metadata_value) {
      if (!header_.metadata.emplace(key_, value).second) refuse(fmt::format("{} has the key {} twice", kMetadata, quoted_name(key_)));
      state_ = State::metadata;
    } else if (state_ == State::dtype) {
      dtype_ = dtype_from(value);
      state_ = State::tensor;
    } else {
      unexpected("the text " + quoted_name(value));
    }
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (state_ == State::shape && shape_) {
      if (shape_->size() == kSafetensorsMaxRank) refuse_tensor(fmt::format("expected at most {} axes, got more", kSafetensorsMaxRank));
      if (value > static_cast<std::uint64_t>(std::numeric_limits<index_t>::max()))
        refuse_tensor(fmt::format("shape: expected sizes below 2^63, got {}", value));
      shape_->push_back(static_cast<index_t>(value));
    } else if (state_ == State::offsets && offsets_) {
      if (offsets_->size() == 2) refuse_tensor("data_offsets: expected two numbers, got more");
      offsets_->push_back(value);
    } else {
      unexpected(fmt::format("the number {}", value));
    }
    return true;
  }

  bool number_integer(number_integer_t value) override { unexpected(fmt::format("the negative number {}", value)); }
  bool number_float(number_float_t, const std::string& text) override {
    unexpected("the number " + text.substr(0, 40) + ", which is no 64-bit integer");
  }
  bool null() override { unexpected("null"); }
  bool boolean(bool value) override { unexpected(value ? "true" : "false"); }
  bool binary(nlohmann::json::binary_t&) override { unexpected("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& error) override {
    const std::string_view what = error.what();
    const std::size_t reason = what.find("parse error");
    std::string text;
    for (char c : what.substr(reason == std::string_view::npos ? 0 : reason, 300)) text += printable(c) ? c : '?';
    refuse(fmt::format("the header is not valid JSON at byte {}: {}", position, text));
  }

 private:
  /// before { root : root_value { tensor : dtype | shape | offsets } or { metadata : metadata_value } } after
  enum class State { before, root, root_value, metadata, metadata_value, tensor, dtype, shape, offsets, after };

  static bool printable(char c) { return c >= 0x20 && c < 0x7f; }
  [[noreturn]] void refuse(const std::string& text) const { throw Error(where_ + ": " + text); }
  [[noreturn]] void refuse_tensor(const std::string& text) const { refuse("tensor " + quoted_name(tensor_) + ": " + text); }

  [[noreturn]] void unexpected(const std::string& got) const {
    switch (state_) {
      case State::before: refuse("the header must be a JSON object, got " + got);
      case State::root_value:
        if (key_ == kMetadata) refuse(fmt::format("{} must be an object of texts, got {}", kMetadata, got));
        refuse(fmt::format("tensor {}: expected an object with dtype, shape and data_offsets, got {}", quoted_name(key_), got));
      case State::metadata_value: refuse(fmt::format("{}: {} must be a text, got {}", kMetadata, quoted_name(key_), got));
      case State::dtype: refuse_tensor("dtype must be a text, got " + got);
      case State::shape: refuse_tensor("shape must be an array of numbers >= 0, got " + got);
      case State::offsets: refuse_tensor("data_offsets must be an array of two numbers >= 0, got " + got);
      default: refuse("the header has " + got + " in a place where none may stand");
    }
  }

  void begin_value() {
    if (key_ == kMetadata) {
      if (std::exchange(has_metadata_, true)) refuse(fmt::format("{} is given twice", kMetadata));
      state_ = State::metadata;
      return;
    }
    tensor_ = key_;
    if (!seen_.insert(tensor_).second) refuse_tensor("the name is given twice");
    dtype_.reset();
    shape_.reset();
    offsets_.reset();
    state_ = State::tensor;
  }

  DType dtype_from(const std::string& text) const {
    std::string known;
    for (const Named& row : kDTypes) {
      if (row.name == text) return row.dtype;
      known += (known.empty() ? "" : " ") + std::string(row.name);
    }
    refuse_tensor("expected a dtype out of " + known + ", got " + quoted_name(text));
  }

  void finish_tensor() {
    for (const auto& [name, given] : {std::pair{"dtype", dtype_.has_value()}, {"shape", shape_.has_value()}, {"data_offsets", offsets_.has_value()}})
      if (!given) refuse_tensor(std::string(name) + " is missing");
    if (offsets_->size() != 2) refuse_tensor(fmt::format("data_offsets: expected two numbers, got {}", offsets_->size()));
    SafetensorsEntry entry{tensor_, *dtype_, Shape(*shape_), (*offsets_)[0], (*offsets_)[1]};
    if (entry.begin > entry.end)
      refuse_tensor(fmt::format("data_offsets: expected begin <= end, got [{}, {}]", entry.begin, entry.end));
    const std::uint64_t wanted = bytes_of(entry);
    if (entry.end - entry.begin != wanted)
      refuse_tensor(fmt::format("data_offsets: expected {} bytes for {} {}, got [{}, {}], that is {}", wanted, safetensors_dtype(entry.dtype),
                                entry.shape.str(), entry.begin, entry.end, entry.end - entry.begin));
    header_.entries.push_back(std::move(entry));
  }

  /// Size in bytes. The axes must fit even when one of them is zero, so that no later product of some of them overflows.
  std::uint64_t bytes_of(const SafetensorsEntry& entry) const {
    index_t bytes = static_cast<index_t>(dtype_size(entry.dtype));
    bool empty = false;
    for (index_t size : entry.shape.sizes()) {
      empty |= size == 0;
      if (size != 0 && __builtin_mul_overflow(bytes, size, &bytes))
        refuse_tensor("shape: expected a size in bytes below 2^63, got " + entry.shape.str());
    }
    return empty ? 0 : static_cast<std::uint64_t>(bytes);
  }

  const std::string& where_;
  SafetensorsHeader header_;
  std::set<std::string> seen_;
  State state_ = State::before;
  std::string key_, tensor_;
  bool has_metadata_ = false;
  std::optional<DType> dtype_;
  std::optional<std::vector<index_t>> shape_;
  std::optional<std::vector<std::uint64_t>> offsets_;
};

/// The tensors must cover the data: no byte twice, none left over.
void require_cover(std::vector<SafetensorsEntry>& entries, std::uint64_t data_bytes, const std::string& where) {
  std::sort(entries.begin(), entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  const auto range = [](const SafetensorsEntry& e) { return fmt::format("tensor {} [{}, {}]", quoted_name(e.name), e.begin, e.end); };
  std::uint64_t covered = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const SafetensorsEntry& entry = entries[i];
    if (entry.end > data_bytes)
      throw Error(fmt::format("{}: {} reaches past the end: the file has {} bytes of data (is it cut off?)", where, range(entry), data_bytes));
    if (entry.begin < covered) throw Error(fmt::format("{}: {} overlaps {}", where, range(entry), range(entries[i - 1])));
    if (entry.begin > covered)
      throw Error(fmt::format("{}: gap: bytes [{}, {}] before {} belong to no tensor", where, covered, entry.begin, range(entry)));
    covered = entry.end;
  }
  if (covered != data_bytes)
    throw Error(fmt::format("{}: expected {} bytes of data as its tensors say, got {}: {} bytes left over at the end", where, covered, data_bytes,
                            data_bytes - covered));
}

std::string json_text(std::string_view text, const std::string& where) {
  try {
    return nlohmann::json(std::string(text)).dump();
  } catch (const nlohmann::json::exception&) {
    throw Error(where + ": names and metadata must be UTF-8, got " + quoted_name(text));
  }
}

}  // namespace

std::string_view safetensors_dtype(DType dtype) {
  for (const Named& row : kDTypes)
    if (row.dtype == dtype) return row.name;
  throw Error("safetensors_dtype: unknown dtype");
}

std::string quoted_name(std::string_view name) {
  constexpr std::size_t kLongest = 80;
  std::string text = "\"";
  for (char c : name.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) text += fmt::format("\\x{:02x}", byte);
    else text += c;
  }
  return text + (name.size() > kLongest ? "...\"" : "\"");
}

SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes, const std::string& where) {
  if (json.empty() || json.front() != '{')
    throw Error(where + ": the header must be a JSON object and start with {, got " + (json.empty() ? "nothing" : quoted_name(json.substr(0, 1))));
  if (const std::size_t at = json.find('\0'); at != std::string_view::npos)  // to the parser a zero byte is the end of the text
    throw Error(fmt::format("{}: the header is not valid JSON: zero byte at {}", where, at));
  HeaderHandler handler(where);
  nlohmann::json::sax_parse(json.begin(), json.end(), &handler);
  SafetensorsHeader header = handler.take();
  require_cover(header.entries, data_bytes, where);
  return header;
}

std::string safetensors_header_text(const SafetensorsHeader& header, const std::string& where) {
  std::string text = "{";
  const auto separate = [&] { text += text.back() == '{' ? "" : ","; };
  if (!header.metadata.empty()) {
    text += fmt::format("\"{}\":{{", kMetadata);
    for (const auto& [key, value] : header.metadata) {
      separate();
      text += json_text(key, where) + ":" + json_text(value, where);
    }
    text += "}";
  }
  for (const SafetensorsEntry& entry : header.entries) {
    if (entry.name == kMetadata) throw Error(fmt::format("{}: a tensor must not be called {}", where, kMetadata));
    separate();
    text += fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":{},\"data_offsets\":[{},{}]}}", json_text(entry.name, where),
                        safetensors_dtype(entry.dtype), entry.shape.str(), entry.begin, entry.end);
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kSafetensorsMaxHeader)
    throw Error(fmt::format("{}: expected a header of at most {} bytes, got {}", where, kSafetensorsMaxHeader, text.size()));
  return text;
}

}  // namespace fw
