// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/safetensors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

#include "core/safetensors_header.h"

namespace fw {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data are little-endian; a big-endian host would need to swap bytes");
static_assert(sizeof(off_t) == 8, "files may be larger than 2^31 bytes");

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kPiece = std::size_t{1} << 30;  // one system call moves less than 2^31 bytes

std::string reason(int error) { return std::error_code(error, std::generic_category()).message(); }

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int close() { return fd_ < 0 ? 0 : ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

/// Where bytes come from: a file or a span.
struct Source {
  std::string where;  ///< starts every message
  std::uint64_t size = 0;
  virtual ~Source() = default;
  virtual void read(std::uint64_t offset, std::byte* to, std::size_t count) = 0;
};

struct FileSource : Source {
  explicit FileSource(const std::string& path) : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    where = "read_safetensors: " + path;
    if (fd.get() < 0) throw Error(where + ": cannot be opened: " + reason(errno));
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) throw Error(where + ": cannot be examined: " + reason(errno));
    if (!S_ISREG(status.st_mode))
      throw Error(where + ": expected a regular file, got " + (S_ISDIR(status.st_mode) ? "a directory" : "a device, pipe or socket"));
    size = static_cast<std::uint64_t>(status.st_size);
  }
  void read(std::uint64_t offset, std::byte* to, std::size_t count) override {
    while (count > 0) {
      const ssize_t got = ::pread(fd.get(), to, std::min(count, kPiece), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Error(where + ": cannot be read: " + reason(errno));
      if (got == 0) throw Error(fmt::format("{}: ends at byte {} although it had {} when it was opened", where, offset, size));
      to += got;
      offset += static_cast<std::uint64_t>(got);
      count -= static_cast<std::size_t>(got);
    }
  }
  Descriptor fd;
};

struct SpanSource : Source {
  SpanSource(std::span<const std::byte> data, std::string_view name) : bytes(data) {
    where = "read_safetensors: " + std::string(name);
    size = data.size();
  }
  void read(std::uint64_t offset, std::byte* to, std::size_t count) override {
    if (count > 0) std::memcpy(to, bytes.data() + offset, count);
  }
  std::span<const std::byte> bytes;
};

TensorFile read_from(Source& source) {
  const std::string& where = source.where;
  if (source.size == 0) throw Error(where + ": the file is empty");
  if (source.size < kLengthBytes)
    throw Error(fmt::format("{}: expected at least {} bytes (the length of the header), got {}", where, kLengthBytes, source.size));
  std::uint64_t length = 0;
  source.read(0, reinterpret_cast<std::byte*>(&length), kLengthBytes);
  if (length > kSafetensorsMaxHeader)
    throw Error(fmt::format("{}: expected a header of at most {} bytes, got a length of {} (not a safetensors file?)", where,
                            kSafetensorsMaxHeader, length));
  const std::uint64_t rest = source.size - kLengthBytes;
  if (length > rest) throw Error(fmt::format("{}: expected a header of {} bytes as its length says, got {} (cut off?)", where, length, rest));
  std::string json(static_cast<std::size_t>(length), '\0');
  source.read(kLengthBytes, reinterpret_cast<std::byte*>(json.data()), json.size());

  SafetensorsHeader header = parse_safetensors_header(json, rest - length, where);
  TensorFile file;
  file.metadata = std::move(header.metadata);
  for (SafetensorsEntry& entry : header.entries) {
    AnyTensor tensor;
    try {
      tensor = AnyTensor(entry.dtype, entry.shape);
    } catch (const std::bad_alloc&) {
      throw Error(fmt::format("{}: tensor {}: not enough memory for {} bytes", where, quoted_name(entry.name), entry.end - entry.begin));
    }
    source.read(kLengthBytes + length + entry.begin, tensor.bytes().data(), tensor.bytes().size());
    file.tensors.emplace(std::move(entry.name), std::move(tensor));
  }
  return file;
}

/// Tensors in the order of their data, and the header that says so.
struct Layout {
  std::string header;
  std::vector<const AnyTensor*> tensors;
  std::uint64_t data_bytes = 0;
};

Layout lay_out(const TensorFile& file, const std::string& where) {
  struct Item {
    const std::string* name;
    const AnyTensor* tensor;
  };
  std::vector<Item> items;
  for (const auto& [name, tensor] : file.tensors) {
    if (!tensor.defined()) throw Error(where + ": tensor " + quoted_name(name) + " is absent");
    const auto wanted = static_cast<std::uint64_t>(tensor.numel()) * dtype_size(tensor.dtype());
    if (tensor.bytes().size() != wanted)
      throw Error(fmt::format("{}: tensor {}: expected {} bytes, got {}", where, quoted_name(name), wanted, tensor.bytes().size()));
    if (static_cast<std::size_t>(tensor.shape().rank()) > kSafetensorsMaxRank)
      throw Error(fmt::format("{}: tensor {}: expected at most {} axes, got {}", where, quoted_name(name), kSafetensorsMaxRank, tensor.shape().rank()));
    items.push_back({&name, &tensor});
  }
  std::stable_sort(items.begin(), items.end(),
                   [](const Item& a, const Item& b) { return dtype_size(a.tensor->dtype()) > dtype_size(b.tensor->dtype()); });
  Layout out;
  SafetensorsHeader header{file.metadata, {}};
  for (const Item& item : items) {
    const std::uint64_t begin = out.data_bytes;
    out.data_bytes += item.tensor->bytes().size();
    header.entries.push_back({*item.name, item.tensor->dtype(), item.tensor->shape(), begin, out.data_bytes});
    out.tensors.push_back(item.tensor);
  }
  out.header = safetensors_header_text(header, where);
  return out;
}

template <class Sink>
void emit(const Layout& layout, Sink&& sink) {
  const std::uint64_t length = layout.header.size();
  sink(reinterpret_cast<const std::byte*>(&length), kLengthBytes);
  sink(reinterpret_cast<const std::byte*>(layout.header.data()), layout.header.size());
  for (const AnyTensor* tensor : layout.tensors) sink(tensor->bytes().data(), tensor->bytes().size());
}

void write_all(int fd, const std::byte* from, std::size_t count, const std::string& where) {
  while (count > 0) {
    const ssize_t put = ::write(fd, from, std::min(count, kPiece));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw Error(where + ": cannot be written: " + reason(errno));
    from += put;
    count -= static_cast<std::size_t>(put);
  }
}

}  // namespace

TensorFile read_safetensors(const std::string& path) {
  FileSource source(path);
  return read_from(source);
}

TensorFile read_safetensors(std::span<const std::byte> bytes, std::string_view name) {
  SpanSource source(bytes, name);
  return read_from(source);
}

std::vector<std::byte> safetensors_bytes(const TensorFile& file) {
  const Layout layout = lay_out(file, "safetensors_bytes");
  std::vector<std::byte> bytes;
  bytes.reserve(kLengthBytes + layout.header.size() + static_cast<std::size_t>(layout.data_bytes));
  emit(layout, [&](const std::byte* from, std::size_t count) { bytes.insert(bytes.end(), from, from + count); });
  return bytes;
}

void write_safetensors(const std::string& path, const TensorFile& file) {
  const std::string where = "write_safetensors: " + path;
  const Layout layout = lay_out(file, where);
  std::error_code ignored;
  const std::filesystem::path resolved = std::filesystem::weakly_canonical(path, ignored);  // a link stays a link
  const std::string target = resolved.empty() ? path : resolved.string();
  const std::filesystem::file_status status = std::filesystem::status(target, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw Error(where + ": expected a regular file or a new name, got " +
                (std::filesystem::is_directory(status) ? "a directory" : "a device, pipe or socket"));
  static std::atomic<unsigned> serial{0};
  const std::string temporary = fmt::format("{}.{}-{}.tmp", target, ::getpid(), serial++);
  ::unlink(temporary.c_str());  // left behind by a process of the same number that was killed
  Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (fd.get() < 0) throw Error(where + ": cannot be created: " + reason(errno));
  try {
    emit(layout, [&](const std::byte* from, std::size_t count) { write_all(fd.get(), from, count, where); });
    if (fd.close() != 0) throw Error(where + ": cannot be written: " + reason(errno));
    if (::rename(temporary.c_str(), target.c_str()) != 0) throw Error(where + ": cannot be put in place: " + reason(errno));
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

}  // namespace fw
