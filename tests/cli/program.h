// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Runs the program as a user does: arguments in, exit status and both outputs back.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "support/scratch.h"

namespace fw::test {

struct Run {
  int status;  ///< exit status; -1: did not end by itself
  std::string out, err;
};

/// `arguments` as typed in a shell, run in `folder`.
inline Run fastweight(const Scratch& folder, const std::string& arguments) {
  const Scratch results;
  const std::string command = "cd '" + folder.file(".") + "' && '" FASTWEIGHT_PROGRAM "' " + arguments + " >'" + results.file("out") + "' 2>'" +
                              results.file("err") + "' </dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, slurp(results.file("out")), slurp(results.file("err"))};
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
/// Exactly one line, ended.
inline bool one_line(const std::string& text) { return !text.empty() && text.find('\n') == text.size() - 1; }

}  // namespace fw::test
