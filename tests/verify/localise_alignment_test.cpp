// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include "localise_fixture.h"

using namespace fw;
using namespace fw::verify;
using namespace fw::verify::test;

namespace {

using Index = std::vector<index_t>;

/// o [2,200,4,64], spoilt where `hit` holds: the finding must come, with nearly all of the error in it.
void check_o(const std::string& kind, const std::string& text, const std::function<bool(const Index&)>& hit, index_t T = 200) {
  Bench bench("o", Shape{2, T, 4, 64}, geometry(2, T, 2, 4, 64, 64));
  bench.spoil(hit);
  const Localisation result = bench.run();
  CAPTURE(kinds(result));
  const Finding* f = find(result, kind);
  REQUIRE_MESSAGE(f != nullptr, kind);
  CHECK_MESSAGE(f->text.find(text) != std::string::npos, f->text << " lacks " << text);
  CHECK(!(f->share < 0.99));
  CHECK(f->lift > 1.0);
  // nothing but this class, its own consequences in time aside
  CHECK(result.findings.size() == 1);
}

void check_state(const std::string& kind, const std::string& text, const std::function<bool(const Index&)>& hit) {
  Bench bench("final_state", Shape{3, 4, 48, 96}, geometry(3, 100, 2, 4, 48, 96));
  bench.spoil(hit);
  const Localisation result = bench.run();
  CAPTURE(kinds(result));
  const Finding* f = find(result, kind);
  REQUIRE_MESSAGE(f != nullptr, kind);
  CHECK_MESSAGE(f->text.find(text) != std::string::npos, f->text << " lacks " << text);
  CHECK(result.findings.size() == 1);
}

}  // namespace

TEST_SUITE("verify") {
  TEST_CASE("localise: tokens of a class are found and named") {
    check_o(
        "time-tail", "(T mod 16 or 32 or 64)", [](const Index& i) { return i[1] >= 192; }, 200);
    check_o(
        "time-tail", "(T mod 32 or 64)", [](const Index& i) { return i[1] >= 192; }, 213);
    check_o("time-last-token", "the last token", [](const Index& i) { return i[1] == 199; });
    check_o("time-first-token", "the first token of the sequence", [](const Index& i) { return i[1] == 0; });
    check_o("time-chunk-first", "each chunk of 64", [](const Index& i) { return i[1] % 64 == 0; });
    check_o("time-chunk-last", "t mod 32 = 31", [](const Index& i) { return i[1] % 32 == 31; });
    check_o("time-mod", "t mod 16 = 5", [](const Index& i) { return i[1] % 16 == 5; });
    check_o("time-mod", "t mod 8 = 3", [](const Index& i) { return i[1] % 8 == 3; });
    check_o(
        "time-mod", "t mod 128 = 100", [](const Index& i) { return i[1] % 128 == 100; }, 700);
    check_o(
        "time-block", "rows 16 to 31 of each chunk of 64", [](const Index& i) { return i[1] % 64 / 16 == 1; }, 256);
    check_o(
        "time-block", "rows 16 and later of each chunk of 64", [](const Index& i) { return i[1] % 64 >= 16; }, 256);
    check_o(
        "time-block", "the odd chunks of 64", [](const Index& i) { return i[1] / 64 % 2 == 1; }, 512);
    check_o("time-chunk", "chunk 1 of 64 tokens (64 to 127)", [](const Index& i) { return i[1] / 64 == 1; });
    check_o("time-range", "tokens 70 to 90", [](const Index& i) { return i[1] >= 70 && i[1] <= 90; });
    check_o("time-token", "token 70 alone", [](const Index& i) { return i[1] == 70; });
  }

  TEST_CASE("localise: an error that begins at a chunk edge points to the carry") {
    check_o("time-begins-at-chunk", "chunk 1 of 64", [](const Index& i) { return i[1] >= 64; });
    check_o(
        "time-begins-at-chunk", "chunk 1 of 64", [](const Index& i) { return i[1] >= 64; }, 1024);
    check_o(
        "time-begins-at-chunk", "chunk 1 of 32", [](const Index& i) { return i[1] >= 32; }, 1024);
    check_o(
        "time-begins-at-chunk", "token 192 = chunk 3 of 64", [](const Index& i) { return i[1] >= 192; }, 512);
  }

  TEST_CASE("localise: gradients that are clean after a chunk edge, and rows near each edge") {
    check_o("time-ends-at-chunk", "clean from token 192 on, the error lies before: chunks 0 to 2 of 64",
            [](const Index& i) { return i[1] < 192; });
    check_o("time-chunk-edges", "the first 3 rows behind each edge between chunks of 64",
            [](const Index& i) { return i[1] >= 64 && i[1] % 64 < 3; });
    check_o(
        "time-chunk-edges", "the last 2 rows before each edge between chunks of 32", [](const Index& i) { return i[1] % 32 >= 30; }, 300);
    check_o(
        "time-chunk-edges", "2 rows before to 3 behind each edge between chunks of 64",
        [](const Index& i) { return i[1] >= 60 && (i[1] % 64 < 3 || i[1] % 64 >= 62); }, 300);
  }

  TEST_CASE("localise: heads of a class are found and named") {
    check_o("head-of-group", "h mod 2 = 1", [](const Index& i) { return i[2] % 2 == 1; });
    check_o("head-group", "the value heads of key head 1", [](const Index& i) { return i[2] / 2 == 1; });
    check_o("head-not-first", "every value head but value head 0", [](const Index& i) { return i[2] > 0; });
    check_o("head-one", "value head 3 (of 4, the last)", [](const Index& i) { return i[2] == 3; });
    check_o("head-one", "value head 1 (of 4)", [](const Index& i) { return i[2] == 1; });
  }

  TEST_CASE("localise: heads without groups: odd ones, a half") {
    for (const int which : {0, 1, 2}) {
      Bench bench("dq", Shape{1, 100, 8, 32}, geometry(1, 100, 8, 8, 32, 32));
      bench.spoil([=](const Index& i) { return which == 0 ? i[2] % 2 == 1 : which == 1 ? i[2] >= 4 : i[2] % 4 == 2; });
      const Localisation result = bench.run();
      CAPTURE(kinds(result));
      const Finding* f = find(result, which == 1 ? "head-half" : "head-mod");
      REQUIRE(f != nullptr);
      CHECK(f->text.find(which == 0   ? "the odd heads"
                         : which == 1 ? "the upper half of the heads"
                                      : "heads with h mod 4 = 2") != std::string::npos);
      CHECK(result.bad_heads == (which == 0 ? Index{1, 3, 5, 7} : which == 1 ? Index{4, 5, 6, 7} : Index{2, 6}));
    }
  }

  TEST_CASE("localise: batch rows") {
    check_o("batch-one", "batch row 1 (of 2, the last)", [](const Index& i) { return i[0] == 1; });
    Bench bench("o", Shape{4, 40, 2, 32}, geometry(4, 40, 2, 2, 32, 32));
    bench.spoil([](const Index& i) { return i[0] > 0; });
    const Localisation result = bench.run();
    CAPTURE(kinds(result));
    CHECK(find(result, "batch-not-first") != nullptr);
    CHECK(result.bad_batches == Index{1, 2, 3});
    CHECK(result.first.sequence == 1);
  }

  TEST_CASE("localise: channels of a class are found and named") {
    check_o("channels-mod", "j mod 4 != 3", [](const Index& i) { return i[3] % 4 != 3; });
    check_o("channels-mod", "j mod 2 = 1", [](const Index& i) { return i[3] % 2 == 1; });
    check_o("channels-mod", "j mod 8 in {1,4}", [](const Index& i) { return i[3] % 8 == 1 || i[3] % 8 == 4; });
    check_o("channels-mod", "j mod 8 != 0", [](const Index& i) { return i[3] % 8 != 0; });
    check_o("channels-tile", "16 to 31, tile 1 of width 16", [](const Index& i) { return i[3] / 16 == 1; });
    check_o("channels-tile", "the last tile of 32", [](const Index& i) { return i[3] >= 32; });
    check_o("channels-tile", "the first tile of 16", [](const Index& i) { return i[3] < 16; });
    check_o("channels-not-first-tile", "all but the first tile of 16", [](const Index& i) { return i[3] >= 16; });
    check_o("channels-one", "channel 17", [](const Index& i) { return i[3] == 17; });
    check_o("channels-range", "channels 20 to 27", [](const Index& i) { return i[3] >= 20 && i[3] <= 27; });
  }

  TEST_CASE("localise: both channel axes of a state, and widths that differ") {
    check_state("channels-past-other-width", "value channels 48 to 95, past the key width 48", [](const Index& i) { return i[3] >= 48; });
    check_state("channels-mod", "value channels with j mod 4 != 3", [](const Index& i) { return i[3] % 4 != 3; });
    check_state("channels-partial-tile", "value channels 64 to 95, the last, partial tile of 64",
                [](const Index& i) { return i[3] >= 64; });
    check_state("state-row-channels-mod", "key channels with i mod 4 = 2", [](const Index& i) { return i[2] % 4 == 2; });
    check_state("state-row-channels-tile", "key channels 16 to 31", [](const Index& i) { return i[2] / 16 == 1; });
    check_state("sequence-not-first", "every sequence but sequence 0", [](const Index& i) { return i[0] > 0; });
  }

  TEST_CASE("localise: several axes at once") {
    Bench bench("o", Shape{1, 300, 8, 64}, geometry(1, 300, 8, 8, 64, 64));
    bench.spoil([](const Index& i) { return i[1] >= 256 && i[2] == 5 && i[3] % 4 != 3; }, 0.2);
    const Localisation result = bench.run();
    CAPTURE(kinds(result));
    CHECK(find(result, "time-tail") != nullptr);
    CHECK(find(result, "head-one") != nullptr);
    CHECK(find(result, "channels-mod") != nullptr);
    CHECK(result.bad_heads == Index{5});
    CHECK(result.first_bad_token == Index{256});
    CHECK(result.bad_channels.size() == 48);
    CHECK(result.first.text.starts_with("sequence 0, token 256 (chunk 4, row 0), head 5, channel "));
    CHECK(result.first.channel % 4 != 3);
    CHECK(result.rows_bad == 44);
    CHECK(result.rows_total == 2400);
  }

  TEST_CASE("localise: a strong fault shows through a weak one that is everywhere") {
    Bench bench("o", Shape{1, 256, 4, 64}, geometry(1, 256, 4, 4, 64, 64));
    bench.spoil([](const Index&) { return true; }, 0.15);
    bench.spoil([](const Index& i) { return i[1] % 64 == 63; }, 10.0);
    const Localisation result = bench.run();
    CAPTURE(kinds(result));
    const Finding* f = find(result, "time-chunk-last");
    REQUIRE(f != nullptr);
    CHECK(f->text.find("much weaker errors lie elsewhere") != std::string::npos);
  }

  TEST_CASE("localise: packed sequences count tokens from their own start") {
    const std::vector<index_t> cu = {0, 70, 70, 71, 213, 300};
    Bench bench("o", Shape{1, 300, 2, 32}, geometry(1, 300, 2, 2, 32, 32, cu));
    bench.spoil([&](const Index& i) {
      for (std::size_t n = 0; n + 1 < cu.size(); ++n)
        if (i[1] >= cu[n] && i[1] < cu[n + 1]) return i[1] - cu[n] >= 64;
      return false;
    });
    const Localisation result = bench.run();
    CAPTURE(kinds(result));
    CHECK(find(result, "time-begins-at-chunk") != nullptr);
    CHECK(result.first_bad_token == Index{64, -1, -1, 64, 64});
    CHECK(result.bad_sequences == Index{0, 3, 4});
    CHECK(find(result, "sequence-long") == nullptr);  // they hold more than 75 % of the elements

    Bench last("o", Shape{1, 300, 2, 32}, geometry(1, 300, 2, 2, 32, 32, cu));
    last.spoil([&](const Index& i) { return std::find(cu.begin(), cu.end(), i[1] + 1) != cu.end(); });
    CHECK(find(last.run(), "time-last-token") != nullptr);
    Bench third("o", Shape{1, 300, 2, 32}, geometry(1, 300, 2, 2, 32, 32, cu));
    third.spoil([&](const Index& i) { return i[1] >= 71 && i[1] < 213; });
    const Localisation one = third.run();
    CAPTURE(kinds(one));
    REQUIRE(find(one, "sequence-one") != nullptr);
    CHECK(find(one, "sequence-one")->text.find("sequence 3 (of 5)") != std::string::npos);
    CHECK(one.worst.sequence == 3);
    CHECK(one.worst.token < 142);
  }

  TEST_CASE("localise: noise alone, also three times the yardstick's, aligns with nothing") {
    for (std::uint64_t seed = 1; seed <= 6; ++seed)
      for (double level : {1.0, 3.0}) {
        const std::vector<Bench> benches = {
            Bench("o", Shape{2, 200, 4, 64}, geometry(2, 200, 2, 4, 64, 64), seed, level),
            Bench("o", Shape{1, 300, 2, 32}, geometry(1, 300, 2, 2, 48, 32, {0, 70, 70, 71, 213, 300}), seed, level),
            Bench("final_state", Shape{3, 4, 48, 96}, geometry(3, 100, 2, 4, 48, 96), seed, level),
            Bench("dbeta", Shape{2, 200, 8}, geometry(2, 200, 8, 8, 32, 32), seed, level),
            Bench("dA_log", Shape{16}, geometry(2, 100, 16, 16, 32, 32), seed, level),
            Bench("o", Shape{1, 7, 1, 3}, geometry(1, 7, 1, 1, 3, 3), seed, level)};
        for (const Bench& bench : benches)
          for (const bool with_yardstick : {true, false}) {
            const Localisation result = with_yardstick ? bench.run() : bench.run_without_yardstick();
            INFO(bench.name, " ", bench.truth.shape().str(), " level ", level, " ", kinds(result));
            const bool says_level = result.findings.size() == 1 && result.findings[0].kind == "noise-level";
            CHECK((result.findings.empty() || (level > 1.0 && says_level)));
            if (level == 1.0) CHECK(result.rows_bad == 0);
          }
      }
  }
}
