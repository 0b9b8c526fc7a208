// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "bench_report.h"

#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>
#include <thread>

namespace fw::cli {
namespace {

const Ceilings& ceilings_at(const BenchReport& report, int threads) {
  for (const Ceilings& c : report.ceilings)
    if (c.threads == threads) return c;
  throw Error("bench: no ceilings were measured at " + std::to_string(threads) + " threads");
}

std::string time_text(double seconds) { return seconds < 1e-3 ? fmt::format("{:.1f} us", seconds * 1e6) : fmt::format("{:.2f} ms", seconds * 1e3); }

void print_row(const BenchReport& report, const BenchRow& row) {
  const Ceilings& ceilings = ceilings_at(report, row.contender.threads);
  const std::string what = row.pass == Pass::decode ? fmt::format("decode x{}", row.layers) : pass_name(row.pass);
  std::string line = fmt::format("{:<10} {:<22} {:>3}  {:>10}  {:>10} .. {:<10} {:>7.1f} {:>4.0f}%  {:>6.1f} {:>4.0f}%", what, row.contender.label(),
                                 row.contender.threads, time_text(row.median), time_text(row.least), time_text(row.most), row.gflops,
                                 100 * row.gflops / ceilings.multiply_add_gflops, row.gbs, 100 * row.gbs / ceilings.copy_gbs);
  line += row.times_naive > 0 ? fmt::format("  {:>6.2f}x", row.times_naive) : "        ";
  if (row.pass == Pass::decode) line += fmt::format("  {:.0f}% of the floor {}", 100 * row.floor_share, time_text(row.floor_seconds));
  fmt::print("{}\n", line);
}

}  // namespace

void print_report(const BenchPlan& plan, const BenchReport& report) {
  fmt::print("{} {}, float32, {} kernels, seed {}\n", info(plan.variant).name, plan.shape.str(), report.isa.empty() ? "?" : report.isa, plan.seed);
  fmt::print("check   relative L2 error against the float64 truth, at most 2 x naive float32 (or 4e-7)\n");
  for (const CheckedTensor& one : report.checks)
    fmt::print("  {:<22} {:<20} {:<15} {:.2e}  naive {:.2e}  {}\n", one.contender, one.family, one.name, one.error, one.naive_error,
               one.right ? "right" : "WRONG");
  if (!report.wrong.empty()) {
    for (const std::string& why : report.wrong) fmt::print(stderr, "wrong: {}\n", why);
    fmt::print(stderr, "no speed is shown of results that are wrong\n");
    return;
  }
  if (plan.check_only) return;
  for (const Ceilings& c : report.ceilings)
    fmt::print("ceiling {} threads: {:.0f} GFLOP/s of multiply-adds, {:.1f} GB/s copied\n", c.threads, c.multiply_add_gflops, c.copy_gbs);
  fmt::print("\n{:<10} {:<22} {:>3}  {:>10}  {:>10}    {:<10} {:>7} {:>5}  {:>6} {:>5}  {:>7}\n", "pass", "by", "thr", "median", "least", "most", "GFLOP/s",
             "peak", "GB/s", "copy", "naive");
  for (const BenchRow& row : report.rows) print_row(report, row);
  fmt::print("GFLOP/s of useful work: 8 Dk Dv per token and value head forward, 24 Dk Dv with backward. decode: per layer.\n");
}

std::string today() {
  char date[32] = "";
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  if (gmtime_r(&now, &utc)) std::strftime(date, sizeof date, "%Y-%m-%d", &utc);
  return date;
}

std::string report_json(const BenchPlan& plan, const BenchReport& report) {
  using Json = nlohmann::ordered_json;
  Json json;
  json["program"] = "fastweight " FASTWEIGHT_VERSION;
  json["date"] = today();
  json["machine"] = {{"cpu", cpu_name()}, {"cores", std::thread::hardware_concurrency()}};
  json["compiler"] = __VERSION__;
  json["variant"] = info(plan.variant).name;
  json["shape"] = plan.shape.str();
  json["isa"] = report.isa;
  json["seed"] = plan.seed;
  json["checks"] = Json::array();
  for (const CheckedTensor& one : report.checks)
    json["checks"].push_back(
        {{"by", one.contender}, {"family", one.family}, {"tensor", one.name}, {"error", one.error}, {"naive_error", one.naive_error}, {"limit", one.limit}, {"right", one.right}});
  json["wrong"] = report.wrong;
  json["ceilings"] = Json::array();
  for (const Ceilings& c : report.ceilings)
    json["ceilings"].push_back({{"threads", c.threads}, {"multiply_add_gflops", c.multiply_add_gflops}, {"copy_gbs", c.copy_gbs}});
  json["rows"] = Json::array();
  for (const BenchRow& row : report.rows) {
    Json one = {{"pass", pass_name(row.pass)},    {"by", row.contender.label()}, {"backend", row.contender.backend}, {"rung", row.contender.rung},
                {"threads", row.contender.threads}, {"segments", row.contender.settings.segments}, {"median_s", row.median}, {"least_s", row.least},
                {"most_s", row.most},             {"gflops", row.gflops},        {"gbs", row.gbs}};
    if (row.times_naive > 0) one["times_naive"] = row.times_naive;
    if (row.pass == Pass::decode) {
      one["layers"] = row.layers;
      one["floor_s"] = row.floor_seconds;
      one["floor_share"] = row.floor_share;
    }
    one["seconds"] = row.seconds;
    json["rows"].push_back(one);
  }
  return json.dump(2);
}

}  // namespace fw::cli
