// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/tables.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>

#include "core/error.h"

using namespace fw;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

constexpr const char* kPanels[] = {"ribbon",  "memory",   "step",   "gates",     "associations", "recall",      "impact",
                                   "readout", "spectrum", "gauges", "attention", "retention",    "interference"};

std::size_t rows_of(const std::string& table, const std::string& with) {
  std::size_t n = 0;
  std::istringstream in(table);
  for (std::string line; std::getline(in, line);) n += line.find(with) != std::string::npos ? 1 : 0;
  return n;
}

double value_of(const std::string& table, const std::string& beginning) {
  std::istringstream in(table);
  for (std::string line; std::getline(in, line);)
    if (line.rfind(beginning, 0) == 0) return std::atof(line.substr(line.rfind(',') + 1).c_str());
  FAIL("no row " << beginning);
  return 0;
}

}  // namespace

TEST_CASE("tables: every panel with numbers has seven columns, both heads and only numbers") {
  ViewModel view;
  for (const char* panel : kPanels) {
    CHECK(has_table(panel));
    const std::string table = table_of(view, panel);
    INFO(panel);
    CHECK(table.rfind("t,layer,head,quantity,row,column,value\n", 0) == 0);
    std::istringstream in(table);
    std::size_t rows = 0;
    for (std::string line; std::getline(in, line); ++rows) {
      CHECK(std::count(line.begin(), line.end(), ',') == 6);
      if (rows == 0) continue;
      char* end = nullptr;
      const std::string value = line.substr(line.rfind(',') + 1);
      std::strtod(value.c_str(), &end);
      CHECK((!value.empty() && *end == '\0'));
    }
    CHECK(rows > 8);
    const bool both = std::string(panel) != "attention" && std::string(panel) != "retention" && std::string(panel) != "interference";
    CHECK((rows_of(table, ",B,") > 0) == both);
  }
  CHECK_FALSE(has_table("bar"));
  CHECK_THROWS_AS(table_of(view, "bar"), Error);
}

TEST_CASE("tables: the numbers are those of the view") {
  ViewModel view;
  const std::string memory = table_of(view, "memory");
  CHECK(rows_of(memory, ",A,S,") == 32u * 32u);
  CHECK(value_of(memory, "14,,A,S,3,5,") == view.side_a().shown(3, 5));
  CHECK(value_of(table_of(view, "gates"), "7,,B,b,4,,") == view.b()->gates(7).b[4]);
  CHECK(value_of(table_of(view, "impact"), "14,,A,impact_total,Bo,,") == view.side_a().associations[1].impact.total);
  CHECK(value_of(table_of(view, "attention"), "9,,A,attention,2,,") == view.attention_a().grid(8, 1));
  CHECK(value_of(table_of(view, "gauges"), "14,,B,beta_eff,,,") == view.side_b()->erase.beta);
}

TEST_CASE("tables: half-life is ln(1/2) over ln alpha; what is no number is left out") {
  ViewModel view;
  view.run_script("clear\nset size 4 4\nset policy uniform\nset alpha 0.5\nAna=red\ngate a=1\nBo=blue\n");
  const std::string gates = table_of(view, "gates");
  CHECK(value_of(gates, "1,,A,half_life,0,,") == 1.0);
  CHECK(rows_of(gates, "2,,A,half_life") == 0);
  CHECK(rows_of(table_of(view, "recall"), ",nan") == 0);
}

TEST_SUITE_END();
