// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reading and writing the safetensors format: 8 bytes with the length of a JSON header, the header (dtype, shape and byte
// range of every tensor; texts under "__metadata__"), then the raw little-endian data, without gaps.
// A file may come from anywhere: every length, offset, dtype, shape and name is checked before it is believed, memory is
// asked for only after the file has proved that it holds as much, and whatever is refused is refused with fw::Error that names
// the file, the tensor, what was expected and what came. Types: F64 F32 BF16 F16 I64 I32; sizes and offsets are 64-bit.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace fw {

struct TensorFile {
  std::map<std::string, std::string> metadata;
  std::map<std::string, AnyTensor> tensors;
};

/// Read a regular file. Needs the memory of its tensors once: each is read straight into its place.
TensorFile read_safetensors(const std::string& path);
/// The same from memory; `name` stands for the file in messages.
TensorFile read_safetensors(std::span<const std::byte> bytes, std::string_view name);

/// Write a file whole or not at all: a temporary file beside it, renamed when complete. Same tensors, same bytes: wide types
/// come first (so that every tensor is aligned to its type), then by name; the header is padded to a multiple of 8.
void write_safetensors(const std::string& path, const TensorFile& file);
/// The bytes that write_safetensors writes.
std::vector<std::byte> safetensors_bytes(const TensorFile& file);

}  // namespace fw
