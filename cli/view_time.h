// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight view --time: what looking costs on this machine.
#pragma once

#include <functional>

#include "viz/model/view_model.h"

namespace fw::cli {

/// Opens a view with `open`, moves a slider, scrubs, steps, decodes and draws, and prints the times, in milliseconds.
void print_view_times(const std::function<void(viz::ViewModel&)>& open, int width, int height);

}  // namespace fw::cli
