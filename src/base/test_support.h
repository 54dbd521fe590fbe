// For tests of this room and those above: a temporary folder, and awaiting on a real loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/task_group.h"

namespace holdfast::test {

class TempDir {
 public:
  TempDir() : path_(std::filesystem::temp_directory_path() / ("holdfast-test-" + random_hex(6))) {
    std::filesystem::create_directories(path_);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <class T>
asio::awaitable<void> store_answer(asio::awaitable<T> task, std::optional<T>& out) {
  out.emplace(co_await std::move(task));
}

// Drives the loop until `task` is done, at most 20 s (then the test fails by bad_optional_access).
template <class T>
T wait_for(asio::io_context& loop, asio::awaitable<T> task) {
  std::optional<T> out;
  TaskGroup group(loop.get_executor());
  group.spawn("test", store_answer(std::move(task), out));
  loop.restart();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!out && std::chrono::steady_clock::now() < deadline) loop.run_one_until(deadline);
  return std::move(out.value());
}

}  // namespace holdfast::test
