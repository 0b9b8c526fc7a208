// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/checkpoint_notes.h"

#include <filesystem>
#include <fstream>

#include "core/safetensors_header.h"

namespace fw::model {

Notes read_notes(const std::string& folder) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::path(folder) / "training.safetensors";
  if (!std::filesystem::exists(path, error)) path.replace_filename("model.safetensors");
  if (!std::filesystem::exists(path, error)) return {};
  const std::string who = "read_notes: " + path.string();
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  unsigned char start[8] = {};
  if (error || size < 8 || !in.read(reinterpret_cast<char*>(start), 8))
    throw Error(who + " must be a safetensors file, got " + (error ? "none that can be read" : std::to_string(size) + " bytes"));
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | start[i];
  if (length > kSafetensorsMaxHeader || length > size - 8)
    throw Error(who + ": the header must fit the file of " + std::to_string(size) + " bytes, got a length of " + std::to_string(length));
  std::string json(static_cast<std::size_t>(length), '\0');
  if (!in.read(json.data(), static_cast<std::streamsize>(length))) throw Error(who + " cannot be read");
  Notes notes;
  for (const auto& [key, text] : parse_safetensors_header(json, size - 8 - length, who).metadata)
    if (key.starts_with("note.")) notes[key.substr(5)] = text;
  return notes;
}

}  // namespace fw::model
