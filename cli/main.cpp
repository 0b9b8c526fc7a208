// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The program: parses, runs one subcommand, turns every failure into one message on stderr. Exit status: 0 fine or right,
// 2 a kernel is wrong, 1 unusable input (arguments, files, memory, a full disk).
#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>
#include <new>
#include <string>

#include "commands.h"

namespace {

constexpr int kUnusable = 1;

/// One line; the items of a list, which are indented, keep lines of their own.
int complain(std::string text) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; ++at)
    if (text.compare(at + 1, 2, "  ") != 0) text[at] = ' ';
  std::fprintf(stderr, "fastweight: %s\n", text.c_str());
  return kUnusable;
}

/// `first`: the first argument, empty when there is none.
int parse_failure(const CLI::App& app, const CLI::ParseError& error, const std::string& first) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help and --version print themselves
  const auto used = app.get_subcommands();
  if (used.empty() && !first.empty() && first[0] != '-') return complain("no subcommand \"" + first + "\" (try fastweight --help)");
  return complain(error.what() + std::string(" (try fastweight ") + (used.empty() ? "" : used.front()->get_name() + " ") + "--help)");
}

/// What was printed must have arrived: a full disk is no success.
int flushed(int status) {
  std::cout.flush();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0 || !std::cout) return complain("the output cannot be written");
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Ground truth and a judge for the delta-rule family of linear attention, up to Gated DeltaNet-2.", "fastweight");
  app.set_version_flag("--version", "fastweight " FASTWEIGHT_VERSION);
  app.require_subcommand(1);
  app.footer("Exit status: 0 right, 2 wrong, 1 unusable input.\nExample:\n  fastweight golden --variant gdn2 -o golden.safetensors");
  int status = 0;
  fw::cli::add_verify(app, status);
  fw::cli::add_break(app, status);
  fw::cli::add_golden(app, status);
  fw::cli::add_bench(app, status);
  fw::cli::add_train(app, status);
  fw::cli::add_eval(app, status);
  fw::cli::add_ablate(app, status);
  fw::cli::add_decode(app, status);
  fw::cli::add_list(app, status);
#ifdef FASTWEIGHT_WITH_VIEW
  fw::cli::add_view(app, status);
#endif
  try {
    app.parse(argc, argv);
    return flushed(status);
  } catch (const CLI::ParseError& error) {
    return flushed(parse_failure(app, error, argc > 1 ? argv[1] : ""));
  } catch (const std::bad_alloc&) {
    return complain("not enough memory");
  } catch (const std::exception& error) {
    return complain(error.what());
  }
}
