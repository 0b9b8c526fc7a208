// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "model/checkpoint.h"
#include "model/checkpoint_notes.h"
#include "model/tasks/registry.h"

namespace fw::viz {
namespace {

constexpr index_t kBytes = 256;

/// FNV-1a over a file.
void mix(std::uint64_t& hash, const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::vector<char> block(std::size_t{1} << 16);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    for (std::streamsize i = 0; i < in.gcount(); ++i)
      hash = (hash ^ static_cast<unsigned char>(block[static_cast<std::size_t>(i)])) * 0x100000001b3ull;
    if (in.eof()) break;
  }
  if (in.bad()) throw Error("checkpoint: " + file.string() + ": expected a readable file, got an error");
}

}  // namespace

std::string letter(std::int32_t byte) {
  if (byte == ' ') return "' '";
  if (byte == '\n') return "\\n";
  if (byte < 33 || byte > 126) return fmt::format("\\x{:02x}", byte);
  return std::string(1, static_cast<char>(byte));
}

std::string fingerprint_of(const std::string& folder) {
  std::error_code code;
  if (!std::filesystem::is_directory(folder, code)) throw Error("checkpoint: " + folder + ": expected a folder, got none");
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
    const std::string name = entry.path().filename().string();
    if (name == "config.json" || (entry.path().extension() == ".safetensors" && name != "training.safetensors"))
      files.push_back(entry.path());
  }
  if (code) throw Error("checkpoint: " + folder + ": expected a folder that can be read, got " + code.message());
  std::sort(files.begin(), files.end());
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (const auto& file : files) mix(hash, file);
  return fmt::format("{:016x}", hash);
}

std::shared_ptr<Checkpoint> load_checkpoint(const std::string& folder, const std::string& fingerprint, const std::string& task,
                                            const std::string& settings) {
  const std::string found = fingerprint_of(folder);
  if (!fingerprint.empty() && found != fingerprint)
    throw Error("checkpoint: " + folder + ": expected the files that were saved with (fingerprint " + fingerprint +
                "), got changed ones (" + found + "); \"checkpoint " + folder + "\" opens them as they are");
  model::LoadedModel loaded = model::load_model(folder);
  auto out = std::make_shared<Checkpoint>(Checkpoint{folder, found, std::move(loaded.model), nullptr, false});
  const model::Notes notes = model::read_notes(folder);
  const auto note = [&](const char* key) {
    const auto at = notes.find(key);
    return at == notes.end() ? std::string() : at->second;
  };
  const std::string name = task.empty() ? note("task") : task;
  const index_t vocab = out->model.config().vocab_size;
  if (!name.empty()) {
    out->task = model::make_task(name, name == note("task") ? note("settings") : "");
    out->task->set(settings);
    if (out->task->vocabulary_size() > vocab)
      throw Error(fmt::format("checkpoint: {}: expected a task with at most the {} tokens of the model, got {} with {}", folder, vocab,
                              name, out->task->vocabulary_size()));
  } else if (!settings.empty()) {
    throw Error("checkpoint: " + folder + ": expected settings beside a task only, got \"" + settings + "\"");
  }
  out->bytes = vocab == kBytes && (!out->task || name == "text");
  return out;
}

std::string Checkpoint::show(std::int32_t token) const {
  if (bytes) return letter(token);
  return task && token < task->vocabulary_size() ? task->show(token) : "#" + std::to_string(token);
}

std::vector<std::int32_t> Checkpoint::tokens_of(std::string_view prompt) const {
  std::vector<std::int32_t> out;
  if (bytes) {
    for (const char c : prompt) out.push_back(static_cast<unsigned char>(c));
  } else {
    const index_t vocab = model.config().vocab_size;
    std::istringstream in{std::string(prompt)};
    for (std::string word; in >> word;) {
      if (task) {
        try {
          out.push_back(task->vocabulary().find(word));
          continue;
        } catch (const Error&) {  // perhaps a number
        }
      }
      const char* first = word.data() + (word[0] == '#' ? 1 : 0);
      std::int32_t token = -1;
      const auto [stop, code] = std::from_chars(first, word.data() + word.size(), token);
      if (code != std::errc() || stop != word.data() + word.size() || token < 0 || token >= vocab)
        throw Error("prompt: expected words of " +
                    (task ? "the task " + std::string(task->name()) + " (\"" + task->show(0) + "\" ...)" : "no task") +
                    " or numbers from 0 to " + std::to_string(vocab - 1) + ", got \"" + word + "\"");
      out.push_back(token);
    }
  }
  if (out.empty()) throw Error("prompt: expected at least one token, got none");
  return out;
}

}  // namespace fw::viz
