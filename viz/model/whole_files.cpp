// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Files read and written as a whole; one that is replaced is there, old or new, at any moment.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "viz/model/session.h"

namespace fw::viz {

std::string read_text(const std::string& path, std::string_view what, std::size_t most) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) throw Error(std::string(what) + ": " + path + ": expected a file, got none");
  const auto size = std::filesystem::file_size(path, code);
  if (code || size > most)
    throw Error(std::string(what) + ": " + path + ": expected at most " + std::to_string(most) + " bytes, got " + std::to_string(size));
  std::ifstream in(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(size), '\0');
  if (!in.read(text.data(), static_cast<std::streamsize>(size)))
    throw Error(std::string(what) + ": " + path + ": expected a readable file, got an error");
  return text;
}

void write_whole(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".part";
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.flush();
    if (!out) {
      std::remove(temporary.c_str());
      throw Error("write: " + path + ": expected a place for " + std::to_string(bytes.size()) + " bytes, got an error");
    }
  }
  std::error_code code;
  std::filesystem::rename(temporary, path, code);
  if (code) {
    std::remove(temporary.c_str());
    throw Error("write: " + path + ": expected to replace it, got " + code.message());
  }
}

}  // namespace fw::viz
