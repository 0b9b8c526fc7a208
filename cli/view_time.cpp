// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "view_time.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>

#include "core/parallel.h"
#include "core/random.h"
#ifdef FASTWEIGHT_WITH_DRAWING
#include "viz/app/headless.h"
#endif

namespace fw::cli {
namespace {

/// On the clock, and of all cores together: what a busy machine cannot spoil.
struct Cost {
  double wall, work;
};

double worked() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& t) { return 1e3 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_usec); };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

template <class F>
Cost cost(F&& work) {
  const auto start = std::chrono::steady_clock::now();
  const double before = worked();
  work();
  return {std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count(), worked() - before};
}

void report(const std::string& what, std::vector<Cost> times) {
  const auto column = [&](double Cost::*which) {
    std::vector<double> out;
    for (const Cost& c : times) out.push_back(c.*which);
    std::sort(out.begin(), out.end());
    return out;
  };
  const std::vector<double> wall = column(&Cost::wall), work = column(&Cost::work);
  std::cout << fmt::format("{:<68} {:8.1f} {:8.1f} {:8.1f} {:8.1f} {:5}\n", what, wall.front(), wall[wall.size() / 2], wall.back(),
                           work[work.size() / 2], times.size());
}

/// Everything a picture of the moment needs.
void look(viz::ViewModel& view) {
  view.side_a(), view.side_b();
  view.attention_a(), view.retention_a();
}

}  // namespace

void print_view_times(const std::function<void(viz::ViewModel&)>& open, int width, int height) {
  std::unique_ptr<viz::ViewModel> owner = std::make_unique<viz::ViewModel>();
  viz::ViewModel& view = *owner;
  const Cost opening = cost([&] { open(view), look(view); });
  const viz::Timeline& line = view.a().timeline();
  std::cout << fmt::format("{} tokens, memory {} x {}, {} facts in the tables, {} threads\n", view.length(), line.dk, line.dv,
                           line.facts.size(), available_threads());
  std::cout << fmt::format("{:<68} {:>8} {:>8} {:>8} {:>8} {:>5}\n", "milliseconds", "best", "median", "worst", "work", "times");
  report("open, with A and B run and everything shown worked out", {opening});
#ifdef FASTWEIGHT_WITH_DRAWING
  viz::HeadlessOptions options;
  options.width = width, options.height = height;
  viz::Headless window(options);
  const auto draw = [&] { window.frame(view); };
  const std::string size = fmt::format("{}x{}", width, height);
#else
  const auto draw = [] {};
  static_cast<void>(width), static_cast<void>(height);
#endif
  draw(), draw();
  std::vector<Cost> times;
  for (int n = 1; n <= 30; ++n)
    times.push_back(cost([&] {
      viz::Document next = view.document();
      next.compare = next.b.morph = true;
      next.b.collapse.tie = n / 30.0;
      view.change(std::move(next), true);
      look(view), draw();
    }));
  view.change(view.document());
  report("collapse slider moved: B run again, everything worked out and drawn", std::move(times));
  times.clear();
  const Random random(1, "view time");
  for (int n = 0; n < 30; ++n)
    times.push_back(cost([&] {
      view.transport.go(static_cast<int>(random.uniform(Position{0, n, 0, 0}) * view.length()));
      look(view), draw();
    }));
  report("scrubbed to any token, worked out and drawn", std::move(times));
  times.clear();
  view.transport.go(view.length() / 2);
  for (int n = 0; n < 30; ++n) times.push_back(cost([&] { view.transport.step(1), look(view), draw(); }));
  report("stepped by a token, worked out and drawn", std::move(times));
  times.clear();
  if (view.can_decode()) {
    view.transport.to_end();
    for (int n = 0; n < 20 && view.can_decode(); ++n) times.push_back(cost([&] { view.step(1), look(view), draw(); }));
    report("decoded a token, worked out and drawn", std::move(times));
    times.clear();
  }
#ifdef FASTWEIGHT_WITH_DRAWING
  for (int n = 0; n < 30; ++n) times.push_back(cost(draw));
  report("a frame of a moment already worked out", std::move(times));
  times.clear();
  for (int n = 0; n < 30; ++n) times.push_back(cost([&] { draw(), static_cast<void>(window.picture(view.options.theme)); }));
  report("the same with every pixel by the rasteriser, " + size, std::move(times));
#endif
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << fmt::format("memory at most {:.0f} MiB\n", static_cast<double>(usage.ru_maxrss) / 1024.0);
}

}  // namespace fw::cli
