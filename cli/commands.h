// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The subcommands, one file each. add_<name> adds one to the parser; when it runs it sets `status`, which the program
// returns: 0 right, 2 wrong, 1 unusable input. Whatever it throws becomes one line on stderr and status 1.
#pragma once

namespace CLI {
class App;
}

namespace fw::cli {

void add_verify(CLI::App& app, int& status);
void add_break(CLI::App& app, int& status);
void add_golden(CLI::App& app, int& status);
void add_bench(CLI::App& app, int& status);
void add_train(CLI::App& app, int& status);
void add_eval(CLI::App& app, int& status);
void add_ablate(CLI::App& app, int& status);
void add_list(CLI::App& app, int& status);
/// Only where the program is built with the visualizer's model.
void add_view(CLI::App& app, int& status);
void add_decode(CLI::App& app, int& status);

/// fastweight list --mistakes: the bank of the judge.
void print_mistakes(bool json);

}  // namespace fw::cli
