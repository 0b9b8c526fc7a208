// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The header of a safetensors file, apart from any reading and writing of data:
//   {"__metadata__": {"variant": "gdn2"}, "q": {"dtype": "BF16", "shape": [2,200,2,64], "data_offsets": [0,102400]}, ...}
// What stands here is true of every header that parse_safetensors_header returns: names are unique, dtypes known, the byte
// range of a tensor is as long as its shape and dtype say, and the ranges cover the data exactly, in the order of `entries`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace fw {

/// Limits that a file must keep; the first is that of the format.
constexpr std::uint64_t kSafetensorsMaxHeader = 100'000'000;
constexpr std::size_t kSafetensorsMaxRank = 32;

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::uint64_t begin = 0, end = 0;  ///< bytes, counted from the end of the header
};

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<SafetensorsEntry> entries;  ///< in the order of their data
};

/// The file's name for a dtype: "F64", "BF16", "I32".
std::string_view safetensors_dtype(DType dtype);

/// Check and take apart the JSON text of a header that is followed by `data_bytes` bytes. `where` starts every message.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes, const std::string& where);
/// JSON text padded with spaces so that, with the 8 bytes before it, the data start at a multiple of 8.
std::string safetensors_header_text(const SafetensorsHeader& header, const std::string& where);

/// A name from a file made fit for a message: in quotes, control characters escaped, long ones cut.
std::string quoted_name(std::string_view name);

}  // namespace fw
