// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The numbers of one panel as tidy CSV: t,layer,head,quantity,row,column,value. One row a number; head is A or B (or A-B); row and
// column are channels, tokens or names, by the quantity; layer is empty where there are none. What is no number is left out.
#pragma once

#include <string>
#include <string_view>

#include "viz/model/view_model.h"

namespace fw::viz {

/// Does this panel have numbers of its own?
bool has_table(std::string_view panel);
/// Throws fw::Error for a panel without.
std::string table_of(ViewModel& view, std::string_view panel);

}  // namespace fw::viz
