// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// libFuzzer target: any bytes at all are either read or refused with fw::Error. What is read holds no more than the input
// held, comes back unchanged when written, and as a case is again either understood or refused with fw::Error.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "core/case_file.h"
#include "core/safetensors.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

constexpr std::size_t kLength = 8;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "safetensors_fuzz: %s\n", what);
  std::abort();
}

bool same(const fw::TensorFile& a, const fw::TensorFile& b) {
  if (a.metadata != b.metadata || a.tensors.size() != b.tensors.size()) return false;
  for (const auto& [name, tensor] : a.tensors) {
    const auto other = b.tensors.find(name);
    if (other == b.tensors.end() || other->second.dtype() != tensor.dtype() || other->second.shape() != tensor.shape() ||
        other->second.bytes() != tensor.bytes())
      return false;
  }
  return true;
}

std::size_t data_bytes(const fw::TensorFile& file) {
  std::size_t sum = 0;
  for (const auto& [name, tensor] : file.tensors) sum += tensor.bytes().size();
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fw::TensorFile file;
  try {
    file = fw::read_safetensors(std::as_bytes(std::span(data, size)), "fuzz");
  } catch (const fw::Error&) {
    return 0;
  }
  require(data_bytes(file) <= size, "the tensors are larger than the file");
  const std::vector<std::byte> written = fw::safetensors_bytes(file);
  require(same(file, fw::read_safetensors(written, "written")), "what was written is read back as something else");
  require(written == fw::safetensors_bytes(file), "the same file was written as other bytes");
  try {
    const fw::CaseFile once = fw::read_case(file);
    const fw::TensorFile relaid = fw::to_tensor_file(once);
    require(fw::safetensors_bytes(relaid) == fw::safetensors_bytes(fw::to_tensor_file(fw::read_case(relaid))),
            "a case that was read is written and read back as something else");
  } catch (const fw::Error&) {
    return 0;
  }
  return 0;
}

/// Mutates the header or the data and puts a length in front that fits, mostly: blind changes of the length hide what is behind it.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  std::uint64_t length = 0;
  if (size >= kLength) std::memcpy(&length, data, kLength);
  if (seed % 8 == 0 || size < kLength || max_size < 2 * kLength || length > size - kLength) return LLVMFuzzerMutate(data, size, max_size);
  const std::string rest(reinterpret_cast<const char*>(data) + kLength + length, size - kLength - length);
  if (seed % 8 == 1) return kLength + length + LLVMFuzzerMutate(data + kLength + length, rest.size(), max_size - kLength - length);
  length = LLVMFuzzerMutate(data + kLength, length, max_size - kLength);
  std::memcpy(data, &length, kLength);
  const std::size_t kept = std::min(rest.size(), max_size - kLength - static_cast<std::size_t>(length));
  std::memcpy(data + kLength + length, rest.data(), kept);
  return kLength + static_cast<std::size_t>(length) + kept;
}
