// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/parallel.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

TEST_SUITE_BEGIN("core");

TEST_CASE("parallel_for: every index runs exactly once, whatever the number of threads") {
  for (int threads : {0, 1, 2, 3, 16})
    for (fw::index_t count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
      fw::parallel_for(count, threads, [&](fw::index_t i) { ++runs[static_cast<std::size_t>(i)]; });
      for (const auto& n : runs) REQUIRE(n == 1);
    }
}

TEST_CASE("parallel_for: one thread means in order, on the caller's thread") {
  const auto caller = std::this_thread::get_id();
  std::vector<fw::index_t> order;
  fw::parallel_for(5, 1, [&](fw::index_t i) {
    CHECK(std::this_thread::get_id() == caller);
    order.push_back(i);
  });
  CHECK(order == std::vector<fw::index_t>{0, 1, 2, 3, 4});
}

TEST_CASE("parallel_for: an exception reaches the caller and stops the rest") {
  for (int threads : {1, 2, 4}) {
    std::atomic<int> runs{0};
    const auto body = [&](fw::index_t i) {
      ++runs;
      if (i == 10) throw std::runtime_error("ten");
    };
    CHECK_THROWS_WITH_AS(fw::parallel_for(1000000, threads, body), "ten", std::runtime_error);
    CHECK(runs < 1000000);
  }
}

TEST_CASE("parallel_for: may be nested") {
  std::atomic<int> runs{0};
  fw::parallel_for(4, 2, [&](fw::index_t) { fw::parallel_for(5, 2, [&](fw::index_t) { ++runs; }); });
  CHECK(runs == 20);
}

TEST_CASE("available_threads: at least one") { CHECK(fw::available_threads() >= 1); }

TEST_SUITE_END();
