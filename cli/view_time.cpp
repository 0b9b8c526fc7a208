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

template <class F>
double milliseconds(F&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

void report(const char* what, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  std::cout << fmt::format("{:<66} median {:8.2f} ms   worst {:8.2f} ms   of {}\n", what, times[times.size() / 2], times.back(), times.size());
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
  const double opening = milliseconds([&] { open(view), look(view); });
  const viz::Timeline& line = view.a().timeline();
  std::cout << fmt::format("{} tokens, memory {} x {}, {} facts in the tables, {} threads\n", view.length(), line.dk, line.dv, line.facts.size(),
                           available_threads());
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
  std::vector<double> times;
  for (int n = 1; n <= 30; ++n)
    times.push_back(milliseconds([&] {
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
    times.push_back(milliseconds([&] {
      view.transport.go(static_cast<int>(random.uniform(Position{0, n, 0, 0}) * view.length()));
      look(view), draw();
    }));
  report("scrubbed to any token, worked out and drawn", std::move(times));
  times.clear();
  view.transport.go(view.length() / 2);
  for (int n = 0; n < 30; ++n) times.push_back(milliseconds([&] { view.transport.step(1), look(view), draw(); }));
  report("stepped by a token, worked out and drawn", std::move(times));
  times.clear();
  if (view.can_decode()) {
    view.transport.to_end();
    for (int n = 0; n < 20 && view.can_decode(); ++n) times.push_back(milliseconds([&] { view.step(1), look(view), draw(); }));
    report("decoded a token, worked out and drawn", std::move(times));
    times.clear();
  }
#ifdef FASTWEIGHT_WITH_DRAWING
  for (int n = 0; n < 30; ++n) times.push_back(milliseconds(draw));
  report("a frame of a moment already worked out", std::move(times));
  times.clear();
  for (int n = 0; n < 30; ++n)
    times.push_back(milliseconds([&] { draw(), static_cast<void>(window.picture(view.options.theme)); }));
  report(("the same with every pixel by the rasteriser, " + size).c_str(), std::move(times));
#endif
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << fmt::format("memory at most {:.0f} MiB\n", static_cast<double>(usage.ru_maxrss) / 1024.0);
}

}  // namespace fw::cli
