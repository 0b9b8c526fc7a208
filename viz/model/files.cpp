// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/files.h"

#include <charconv>
#include <sstream>
#include <vector>

#include "core/error.h"
#include "viz/model/describe.h"
#include "viz/model/session.h"
#include "viz/model/trace.h"

namespace fw::viz {
namespace {

int index_of(const std::string& text) {
  int x = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (code != std::errc() || stop != text.data() + text.size() || x < 0)
    throw Error("trace: expected a head and a sequence as whole numbers from 0, got \"" + text + "\"");
  return x;
}

}  // namespace

std::string run_file_command(ViewModel& view, std::string_view line) {
  std::istringstream in{std::string(line)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  if (words.empty()) return {};
  const std::string& verb = words[0];
  const bool trace = verb == "trace";
  if (verb == "checkpoint") {
    if (words.size() < 2 || words.size() > 3)
      throw Error("checkpoint: expected a folder and perhaps a sequence of its task, got " + std::to_string(words.size() - 1) + " words");
    ModelSource source;
    source.path = words[1];
    source.example = words.size() > 2 ? index_of(words[2]) : 0;
    return view.open_model(source), "opened " + words[1];
  }
  if (!trace && verb != "save" && verb != "open" && verb != "csv" && verb != "save-trace") return {};
  if (words.size() < 2 || words.size() > (trace ? 4u : 2u))
    throw Error(verb + ": expected a file name" + (trace ? " and perhaps a head and a sequence" : "") + " without blanks, got " +
                std::to_string(words.size() - 1) + " words");
  const std::string& path = words[1];
  if (verb == "save") return save_session(view, path), "saved " + path;
  if (verb == "open") return load_session(view, path), "opened " + path;
  if (verb == "csv") return write_whole(path, csv_of(view)), "wrote " + path;
  if (verb == "save-trace") return write_safetensors(path, case_of(view.a())), "wrote " + path;
  view.open_trace({path, words.size() > 3 ? index_of(words[3]) : 0, words.size() > 2 ? index_of(words[2]) : 0});
  return "opened " + path;
}

}  // namespace fw::viz
