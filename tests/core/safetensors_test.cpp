// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/safetensors.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "core/safetensors_header.h"
#include "support/scratch.h"

using namespace fw;
namespace fs = std::filesystem;

namespace {

/// A file made by hand: length, header, data.
std::string file_bytes(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), 8);
  bytes += header;
  for (std::size_t i = 0; i < data_bytes; ++i) bytes += static_cast<char>(i);
  return bytes;
}

TensorFile parse(const std::string& bytes) { return read_safetensors(std::as_bytes(std::span(bytes)), "case"); }

std::string refusal(const std::string& bytes) {
  try {
    parse(bytes);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string path_refusal(const std::string& path) {
  try {
    read_safetensors(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string write_refusal(const std::string& path, const TensorFile& file) {
  try {
    write_safetensors(path, file);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TensorFile sample() {
  TensorFile file;
  file.metadata = {{"variant", "gdn2"}, {"quote", "a \"b\" \\ \n \t \xc3\xa9 \xe4\xb8\xad"}, {"empty", ""}};
  Tensor<double> values(Shape{2, 3});
  for (index_t i = 0; i < 6; ++i) values[i] = 0.1 * static_cast<double>(i) - 0.25;
  for (DType dtype : {DType::f64, DType::f32, DType::bf16, DType::f16}) file.tensors[std::string(dtype_name(dtype))] = AnyTensor::from(values, dtype);
  file.tensors["i64"] = AnyTensor::from_indices({0, 5, std::numeric_limits<index_t>::max(), -7});
  file.tensors["i32"] = AnyTensor::from(Tensor<double>(Shape{3}, -4.0), DType::i32);
  file.tensors["scalar"] = AnyTensor::from(Tensor<double>(Shape{}, 2.5), DType::f32);
  file.tensors["nothing"] = AnyTensor(DType::bf16, Shape{2, 0, 7});
  file.tensors[""] = AnyTensor(DType::f16, Shape{1});
  file.tensors["name \xc3\xa9 \"x\"\\"] = AnyTensor(DType::f16, Shape{1});
  return file;
}

void check_same(const TensorFile& a, const TensorFile& b) {
  CHECK(a.metadata == b.metadata);
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (const auto& [name, tensor] : a.tensors) {
    CAPTURE(name);
    REQUIRE(b.tensors.count(name) == 1);
    const AnyTensor& other = b.tensors.at(name);
    CHECK(tensor.dtype() == other.dtype());
    CHECK(tensor.shape() == other.shape());
    CHECK(tensor.bytes() == other.bytes());
  }
}

struct BadHeader {
  const char* what;
  std::string header;
  std::size_t data_bytes;
  const char* expected;  ///< must be part of the message
};

std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{\"a\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";
}

}  // namespace

TEST_SUITE("core") {
  TEST_CASE("safetensors core: what is written is read back, from memory and from disk") {
    const TensorFile file = sample();
    const std::vector<std::byte> bytes = safetensors_bytes(file);
    check_same(read_safetensors(bytes, "memory"), file);
    const test::Scratch scratch;
    write_safetensors(scratch.file("a.safetensors"), file);
    check_same(read_safetensors(scratch.file("a.safetensors")), file);
    CHECK(test::slurp(scratch.file("a.safetensors")) == std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    check_same(read_safetensors(safetensors_bytes(TensorFile{}), "nothing at all"), TensorFile{});
  }

  TEST_CASE("safetensors core: bitwise repeatable, aligned, wide types first") {
    const std::vector<std::byte> bytes = safetensors_bytes(sample());
    CHECK(bytes == safetensors_bytes(sample()));
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    CHECK(length % 8 == 0);
    const std::string header(reinterpret_cast<const char*>(bytes.data()) + 8, length);
    const SafetensorsHeader parsed = parse_safetensors_header(header, bytes.size() - 8 - length, "sample");
    std::size_t previous = 8;
    for (const SafetensorsEntry& entry : parsed.entries) {
      CAPTURE(entry.name);
      CHECK(entry.begin % dtype_size(entry.dtype) == 0);
      CHECK(dtype_size(entry.dtype) <= previous);
      previous = dtype_size(entry.dtype);
    }
  }

  TEST_CASE("safetensors core: reads a header written by hand, spaces and any order included") {
    const TensorFile file = parse(file_bytes(
        "{ \"b\" : {\"shape\":[2], \"data_offsets\":[4,8],\"dtype\":\"F16\"},\n \"__metadata__\":{\"k\":\"v\"}, "
        "\"a\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[0,4]}, \"z\":{\"dtype\":\"F64\",\"shape\":[0,3],\"data_offsets\":[4,4]} }   ", 8));
    CHECK(file.metadata.at("k") == "v");
    CHECK(file.tensors.at("a").to_indices() == std::vector<index_t>{0x03020100});
    CHECK(file.tensors.at("b").shape() == Shape{2});
    CHECK(file.tensors.at("z").numel() == 0);
    CHECK(file.tensors.at("z").defined());
  }

  TEST_CASE("safetensors core: rejects every bad length") {
    CHECK(refusal("") == "read_safetensors: case: the file is empty");
    CHECK(refusal("1234567") == "read_safetensors: case: expected at least 8 bytes (the length of the header), got 7");
    std::string bytes = file_bytes("{}", 0);
    for (std::uint64_t claim : {std::uint64_t{3}, std::uint64_t{100'000'000}}) {
      std::memcpy(bytes.data(), &claim, 8);
      CHECK(refusal(bytes).find("as its length says, got 2 (cut off?)") != std::string::npos);
    }
    for (std::uint64_t claim : {std::uint64_t{100'000'001}, std::uint64_t{10'737'418'240}, ~std::uint64_t{0}, std::uint64_t{1} << 63}) {
      std::memcpy(bytes.data(), &claim, 8);
      CHECK(refusal(bytes).find("expected a header of at most 100000000 bytes, got a length of " + std::to_string(claim)) != std::string::npos);
    }
    CHECK(refusal(file_bytes("", 0)).find("start with {, got nothing") != std::string::npos);
    CHECK(refusal("<!DOCTYPE html><html>").find("not a safetensors file?") != std::string::npos);
  }

  TEST_CASE("safetensors core: rejects every cut of a good file") {
    const std::vector<std::byte> whole = safetensors_bytes(sample());
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK_THROWS_AS(read_safetensors(std::span(whole).first(size), "cut"), Error);
    std::vector<std::byte> longer = whole;
    longer.push_back(std::byte{0});
    CHECK_THROWS_WITH_AS(read_safetensors(longer, "longer"), doctest::Contains("1 bytes left over at the end"), Error);
  }

  TEST_CASE("safetensors core: rejects every bad header") {
    const std::string good = "\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]";
    const std::string deep(100'000, '[');
    const std::string ranks = [] {
      std::string text = "[1";
      for (int i = 0; i < 32; ++i) text += ",1";
      return text + "]";
    }();
    const std::vector<BadHeader> cases = {
        {"array", "[1,2]", 0, "must be a JSON object and start with {, got \"[\""},
        {"text", "\"q\"", 0, "start with {"},
        {"leading space", " {}", 0, "start with {"},
        {"byte order mark", "\xef\xbb\xbf{}", 0, "start with {"},
        {"not closed", "{\"a\":{" + good, 4, "not valid JSON"},
        {"text after the end", "{} x", 0, "not valid JSON"},
        {"two objects", "{}{}", 0, "not valid JSON"},
        {"zero byte after the end", std::string("{}\0\0", 4), 0, "zero byte at 2"},
        {"zero byte in a name", std::string("{\"\0\":1}", 7), 0, "zero byte at 2"},
        {"comment", "{/* */}", 0, "not valid JSON"},
        {"trailing comma", "{\"a\":{" + good + "},}", 4, "not valid JSON"},
        {"not UTF-8", "{\"\xff\":{" + good + "}}", 4, "not valid JSON"},
        {"cut UTF-8", "{\"\xe4\xb8\":{" + good + "}}", 4, "not valid JSON"},
        {"overlong UTF-8", "{\"\xc0\xaf\":{" + good + "}}", 4, "not valid JSON"},
        {"lone surrogate", "{\"\\ud800\":{" + good + "}}", 4, "not valid JSON"},
        {"deep", "{\"a\":" + deep, 0, "expected an object with dtype, shape and data_offsets, got an array"},
        {"deep in shape", "{\"a\":{\"shape\":" + deep, 0, "shape must be an array of numbers >= 0, got an array"},
        {"deep objects in metadata", "{\"__metadata__\":{\"a\":{\"a\":{}}}}", 0, "\"a\" must be a text, got an object"},
        {"same tensor twice", "{\"a\":{" + good + "},\"a\":{" + good + "}}", 4, "tensor \"a\": the name is given twice"},
        {"same tensor twice, escaped", "{\"a\":{" + good + "},\"\\u0061\":{" + good + "}}", 4, "tensor \"a\": the name is given twice"},
        {"same key twice", "{\"a\":{\"dtype\":\"F32\"," + good + "}}", 4, "tensor \"a\": dtype is given twice"},
        {"shape twice", "{\"a\":{\"shape\":[1]," + good + "}}", 4, "shape is given twice"},
        {"offsets twice", "{\"a\":{\"data_offsets\":[0,4]," + good + "}}", 4, "data_offsets is given twice"},
        {"metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__ is given twice"},
        {"metadata key twice", "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "__metadata__ has the key \"k\" twice"},
        {"metadata is a list", "{\"__metadata__\":[]}", 0, "__metadata__ must be an object of texts, got an array"},
        {"metadata is null", "{\"__metadata__\":null}", 0, "__metadata__ must be an object of texts, got null"},
        {"metadata number", "{\"__metadata__\":{\"scale\":0.5}}", 0, "__metadata__: \"scale\" must be a text, got the number 0.5"},
        {"metadata list", "{\"__metadata__\":{\"scale\":[]}}", 0, "\"scale\" must be a text, got an array"},
        {"tensor is a number", "{\"a\":3}", 0, "tensor \"a\": expected an object with dtype, shape and data_offsets, got the number 3"},
        {"tensor is null", "{\"a\":null}", 0, "got null"},
        {"tensor is a text", "{\"a\":\"F32\"}", 0, "got the text \"F32\""},
        {"empty tensor", "{\"a\":{}}", 0, "tensor \"a\": dtype is missing"},
        {"no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "shape is missing"},
        {"no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets is missing"},
        {"unknown key", "{\"a\":{" + good + ",\"stride\":[1]}}", 4, "expected the keys dtype, shape and data_offsets, got \"stride\""},
        {"F8", one("F8_E4M3", "[1]", "[0,1]"), 1, "tensor \"a\": expected a dtype out of F64 F32 BF16 F16 I64 I32, got \"F8_E4M3\""},
        {"I8", one("I8", "[1]", "[0,1]"), 1, "got \"I8\""},
        {"U8", one("U8", "[1]", "[0,1]"), 1, "got \"U8\""},
        {"BOOL", one("BOOL", "[1]", "[0,1]"), 1, "got \"BOOL\""},
        {"C64", one("C64", "[1]", "[0,8]"), 8, "got \"C64\""},
        {"lower case", one("f32", "[1]", "[0,4]"), 4, "got \"f32\""},
        {"dtype is a number", "{\"a\":{\"dtype\":32}}", 0, "dtype must be a text, got the number 32"},
        {"shape is a number", one("F32", "1", "[0,4]"), 4, "shape must be an array of numbers >= 0, got the number 1"},
        {"negative size", one("F32", "[-1]", "[0,4]"), 4, "shape must be an array of numbers >= 0, got the negative number -1"},
        {"size 1.0", one("F32", "[1.0]", "[0,4]"), 4, "got the number 1.0, which is no 64-bit integer"},
        {"size 1e0", one("F32", "[1e0]", "[0,4]"), 4, "got the number 1e0"},
        {"size 2^63", one("F32", "[9223372036854775808]", "[0,4]"), 4, "shape: expected sizes below 2^63, got 9223372036854775808"},
        {"size 2^64", one("F32", "[18446744073709551616]", "[0,4]"), 4, "got the number 18446744073709551616, which is no 64-bit integer"},
        {"size is a text", one("F32", "[\"1\"]", "[0,4]"), 4, "got the text \"1\""},
        {"size is null", one("F32", "[null]", "[0,4]"), 4, "got null"},
        {"size is true", one("F32", "[true]", "[0,4]"), 4, "got true"},
        {"product over 2^64", one("F32", "[4294967296,4294967296,4]", "[0,4]"), 4, "expected a size in bytes below 2^63, got [4294967296,4294967296,4]"},
        {"product wraps to 4", one("F32", "[4611686018427387904,4,1]", "[0,4]"), 4, "expected a size in bytes below 2^63"},
        {"bytes wrap", one("F64", "[2305843009213693953]", "[0,8]"), 8, "expected a size in bytes below 2^63"},
        {"wraps beside a zero", one("F32", "[0,4294967296,4294967296]", "[0,0]"), 0, "expected a size in bytes below 2^63"},
        {"too many axes", one("F32", ranks, "[0,4]"), 4, "expected at most 32 axes, got more"},
        {"no number", one("F32", "[1]", "[]"), 4, "data_offsets: expected two numbers, got 0"},
        {"one number", one("F32", "[1]", "[0]"), 4, "data_offsets: expected two numbers, got 1"},
        {"three numbers", one("F32", "[1]", "[0,4,8]"), 4, "data_offsets: expected two numbers, got more"},
        {"negative offset", one("F32", "[1]", "[-4,0]"), 4, "data_offsets must be an array of two numbers >= 0, got the negative number -4"},
        {"float offset", one("F32", "[1]", "[0,4.0]"), 4, "got the number 4.0"},
        {"begin after end", one("F32", "[1]", "[4,0]"), 4, "expected begin <= end, got [4, 0]"},
        {"begin after end, wraps", one("F32", "[1]", "[18446744073709551612,0]"), 4, "expected begin <= end"},
        {"too few bytes", one("F32", "[2]", "[0,4]"), 4, "expected 8 bytes for F32 [2], got [0, 4], that is 4"},
        {"too many bytes", one("F16", "[1]", "[0,4]"), 4, "expected 2 bytes for F16 [1], got [0, 4], that is 4"},
        {"bytes without elements", one("F32", "[0]", "[0,4]"), 4, "expected 0 bytes for F32 [0]"},
        {"past the end", one("F32", "[2]", "[0,8]"), 4, "tensor \"a\" [0, 8] reaches past the end: the file has 4 bytes of data (is it cut off?)"},
        {"1 TB claimed", one("F32", "[274877906944]", "[0,1099511627776]"), 4, "reaches past the end"},
        {"far away", one("F32", "[1]", "[18446744073709551611,18446744073709551615]"), 4, "reaches past the end"},
        {"empty past the end", one("F32", "[0]", "[8,8]"), 4, "reaches past the end"},
        {"gap at the start", one("F32", "[1]", "[4,8]"), 8, "gap: bytes [0, 4] before tensor \"a\" [4, 8] belong to no tensor"},
        {"left over", one("F32", "[1]", "[0,4]"), 9, "expected 4 bytes of data as its tensors say, got 9: 5 bytes left over at the end"},
        {"data without tensors", "{}", 1, "1 bytes left over at the end"},
        {"overlap", "{\"a\":{" + good + "},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}", 6, "tensor \"b\" [2, 6] overlaps tensor \"a\" [0, 4]"},
        {"same bytes", "{\"a\":{" + good + "},\"b\":{" + good + "}}", 4, "overlaps"},
        {"gap between", "{\"a\":{" + good + "},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12, "gap: bytes [4, 8]"},
        {"empty inside another", "{\"a\":{" + good + "},\"b\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[2,2]}}", 4, "overlaps"},
        {"control characters in a name", "{\"\\u001b[31m\":{}}", 0, "tensor \"\\x1b[31m\": dtype is missing"},
    };
    for (const BadHeader& bad : cases) {
      CAPTURE(bad.what);
      const std::string message = refusal(file_bytes(bad.header, bad.data_bytes));
      CAPTURE(message);
      CHECK(message.rfind("read_safetensors: case: ", 0) == 0);
      CHECK(message.find(bad.expected) != std::string::npos);
      CHECK(message.size() < 500);
    }
  }

  TEST_CASE("safetensors core: a header of billions of elements is addressed with 64 bits") {
    const std::string header = "{\"a\":{\"dtype\":\"F64\",\"shape\":[3,2147483648],\"data_offsets\":[0,51539607552]},"
                               "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[51539607552,51539607560]}}";
    const SafetensorsHeader parsed = parse_safetensors_header(header, 51539607560, "big");
    CHECK(parsed.entries.at(0).shape.numel() == 6442450944);
    CHECK(parsed.entries.at(1).begin == 51539607552);
    const SafetensorsHeader again = parse_safetensors_header(safetensors_header_text(parsed, "big"), 51539607560, "big");
    CHECK(again.entries.at(0).end == 51539607552);
  }

  TEST_CASE("safetensors core: rejects what is no readable file") {
    const test::Scratch scratch;
    CHECK(path_refusal(scratch.file("missing")).find("cannot be opened: No such file") != std::string::npos);
    CHECK(path_refusal(scratch.file(".")).find("expected a regular file, got a directory") != std::string::npos);
    CHECK(path_refusal("/dev/null").find("got a device, pipe or socket") != std::string::npos);
    const std::string pipe = scratch.file("pipe");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(path_refusal(pipe).find("got a device, pipe or socket") != std::string::npos);
    std::ofstream(scratch.file("empty")).flush();
    CHECK(path_refusal(scratch.file("empty")).find("the file is empty") != std::string::npos);
    fs::create_symlink("loop", scratch.file("loop"));
    CHECK(path_refusal(scratch.file("loop")).find("cannot be opened") != std::string::npos);
    if (::geteuid() != 0) {
      fs::permissions(scratch.file("empty"), fs::perms::none);
      CHECK(path_refusal(scratch.file("empty")).find("cannot be opened: Permission denied") != std::string::npos);
    }
  }

  TEST_CASE("safetensors core: rejects a file of 10 GB of holes without asking for memory") {
    const test::Scratch scratch;
    const std::string path = scratch.file("holes");
    std::ofstream(path).write("\x00\xe1\xf5\x05\x00\x00\x00\x00", 8);  // a header of 100 MB, all zero bytes
    fs::resize_file(path, 10'737'418'240);
    CHECK(path_refusal(path).find("start with {, got \"\\x00\"") != std::string::npos);
  }

  TEST_CASE("safetensors core: a file is written whole or not at all") {
    const test::Scratch scratch;
    const std::string path = scratch.file("out.safetensors");
    std::ofstream(path) << "precious";
    TensorFile bad = sample();
    bad.metadata["bad"] = "\xff";
    CHECK(write_refusal(path, bad).find("must be UTF-8, got \"\\xff\"") != std::string::npos);
    TensorFile absent = sample();
    absent.tensors["absent"] = AnyTensor();
    CHECK(write_refusal(path, absent).find("tensor \"absent\" is absent") != std::string::npos);
    TensorFile resized = sample();
    resized.tensors["f32"].bytes().pop_back();
    CHECK(write_refusal(path, resized).find("tensor \"f32\": expected 24 bytes, got 23") != std::string::npos);
    TensorFile reserved;
    reserved.tensors["__metadata__"] = AnyTensor(DType::f32, Shape{1});
    CHECK(write_refusal(path, reserved).find("must not be called __metadata__") != std::string::npos);
    TensorFile many_axes;
    many_axes.tensors["a"] = AnyTensor(DType::f32, Shape(std::vector<index_t>(33, 1)));
    CHECK(write_refusal(path, many_axes).find("expected at most 32 axes, got 33") != std::string::npos);
    CHECK(test::slurp(path) == "precious");
    CHECK(write_refusal(scratch.file("no/such/folder"), sample()).find("cannot be created: No such file") != std::string::npos);
    CHECK(write_refusal(scratch.file("."), sample()).find("got a directory") != std::string::npos);
    CHECK(write_refusal("/dev/full", sample()).find("got a device, pipe or socket") != std::string::npos);
    CHECK(std::distance(fs::directory_iterator(scratch.file(".")), fs::directory_iterator()) == 1);

    write_safetensors(path, sample());
    check_same(read_safetensors(path), sample());
    fs::create_symlink("out.safetensors", scratch.file("link"));
    write_safetensors(scratch.file("link"), TensorFile{});
    CHECK(fs::is_symlink(scratch.file("link")));
    check_same(read_safetensors(path), TensorFile{});
    CHECK(std::distance(fs::directory_iterator(scratch.file(".")), fs::directory_iterator()) == 2);
  }
}
