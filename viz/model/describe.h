// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The moment shown as text (Markdown), for a terminal, a screen reader or a test: the numbers of the panels in their order.
// And the same over time as CSV, one quantity a row: t,head,quantity,item,value.
#pragma once

#include <string>

#include "viz/model/view_model.h"

namespace fw::viz {

std::string describe(ViewModel& view);
std::string csv_of(const ViewModel& view);

}  // namespace fw::viz
