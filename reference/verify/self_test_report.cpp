// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "verify/self_test.h"

namespace fw::verify {
namespace {

constexpr std::array kExtentNames = {"all", "half of the heads", "half of the channels"};

}  // namespace

std::string self_test_text(const SelfTestReport& report) {
  std::string out = fmt::format("{:<34} {:>6} | {:>5} {:>5} {:>5} | {:>5} {:>6} {:>5} {:>5}   (last four: also half heads / half channels in brackets)\n", "mistake", "trials",
                                "found", "blind", "miss", "named", "listed", "wrong", "none");
  const auto cell = [](const SelfTestRow& row, index_t SelfTestRow::Count::*what) {
    return fmt::format("{}({}/{})", row.extent[0].*what, row.extent[1].*what, row.extent[2].*what);
  };
  using C = SelfTestRow::Count;
  for (const SelfTestRow& row : report.rows) {
    if (row.extent[0].trials == 0) continue;
    out += fmt::format("{:<34} {:>6} | {:>5} {:>5} {:>5} | {} {} {} {}\n", row.id, row.extent[0].trials, row.extent[0].detected, row.extent[0].invisible, row.extent[0].missed,
                       cell(row, &C::named), cell(row, &C::listed), cell(row, &C::wrong), cell(row, &C::unknown));
  }
  for (const std::string& remark : report.remarks) out += "  " + remark + "\n";
  for (const SelfTestRow& row : report.rows)
    if (row.extent[0].trials > 0 && row.extent[0].detected == 0) out += fmt::format("  {} was visible in no trial\n", row.id);
  for (std::size_t e = 0; e < 3; ++e) {
    const auto& c = report.total[e];
    out += fmt::format("{:<22} trials {:>6}  detected {:>6}  invisible, and said so {:>5}  missed {:>3} | named right {:.2f} % ({} alone, {} exact fits)  listed {}  wrong {}  none {}\n",
                       kExtentNames[e], c.trials, c.detected, c.invisible, c.missed, 100.0 * report.named_share(static_cast<Extent>(e)), c.named_alone, c.exact, c.listed, c.wrong, c.unknown);
  }
  const auto& all = report.total[0];
  const auto share = [&](index_t n) { return all.orphan_trials ? 100.0 * static_cast<double>(n) / static_cast<double>(all.orphan_trials) : 0.0; };
  out += fmt::format("own entry taken out of the bank: {} trials; another mistake named as an exact fit in {:.2f} %, as likely in {:.2f} %\n", all.orphan_trials,
                     share(all.orphan_exact), share(all.orphan_likely));
  out += fmt::format("right kernels: {} judged, {} rejected\n", report.right_trials, report.right_rejected);
  out += fmt::format("self-test {} in {:.1f} s\n", report.passed() ? "passed" : "FAILED", report.seconds);
  return out;
}

std::string self_test_json(const SelfTestReport& report) {
  using nlohmann::ordered_json;
  const auto count = [](const SelfTestRow::Count& c) {
    return ordered_json{{"trials", c.trials}, {"detected", c.detected}, {"invisible", c.invisible}, {"missed", c.missed}, {"named", c.named},
                        {"named_alone", c.named_alone}, {"listed", c.listed}, {"wrong", c.wrong}, {"unknown", c.unknown}, {"orphan_trials", c.orphan_trials},
                        {"orphan_exact", c.orphan_exact}, {"orphan_likely", c.orphan_likely}, {"exact", c.exact}};
  };
  ordered_json out = {{"passed", report.passed()}, {"right_trials", report.right_trials}, {"right_rejected", report.right_rejected}, {"seconds", report.seconds},
                      {"mistakes", ordered_json::array()}, {"remarks", report.remarks}};
  for (std::size_t e = 0; e < 3; ++e) out["total"][kExtentNames[e]] = count(report.total[e]);
  for (const SelfTestRow& row : report.rows)
    out["mistakes"].push_back({{"id", row.id}, {"direction", row.direction == Direction::forward ? "forward" : "backward"}, {"all", count(row.extent[0])},
                               {"half_heads", count(row.extent[1])}, {"half_channels", count(row.extent[2])}});
  return out.dump(2) + "\n";
}

}  // namespace fw::verify
