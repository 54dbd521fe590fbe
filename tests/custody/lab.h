// A custodian on a loop of its own, and what /proc says about what it started.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "custody/custodian.h"

namespace holdfast::custody {

// Every process that a server of this lab ever forked carries its mark in the environment (unless it wiped
// it).
class Lab {
 public:
  explicit Lab(bool allow_leaf = true, milliseconds patience = milliseconds(3000));
  ~Lab();  // ends what it started, by pid

  // Drives the loop until `task` is done; a test that waits longer than 60 s has failed.
  template <class T>
  T run(asio::awaitable<T> task) {
    std::optional<T> value;
    TaskGroup group(loop.get_executor());
    group.spawn("test", keep(std::move(task), value));
    EXPECT_TRUE(until([&] { return value.has_value(); }));
    if (!value) std::abort();
    return std::move(*value);
  }
  // Drives the loop until `condition`. False: 60 s passed first.
  bool until(const std::function<bool()>& condition);

  // A shell script or a program as a server; short graces.
  [[nodiscard]] TreeSpec script(const std::string& text, const std::string& name = "test") const;
  [[nodiscard]] TreeSpec program(const std::string& path, std::vector<std::string> arguments = {},
                                 const std::string& name = "test") const;
  std::shared_ptr<Tree> start(TreeSpec spec);

  // Truth from /proc: living processes that bear the mark, keepers excepted.
  [[nodiscard]] std::vector<pid_t> survivors() const;
  // Files below the ledger's directory, and leaves that exist.
  [[nodiscard]] std::vector<std::string> ledger_files() const;
  [[nodiscard]] std::vector<std::string> leaves() const;
  [[nodiscard]] bool nothing_left() const {
    return survivors().empty() && ledger_files().empty() && leaves().empty();
  }

  void reopen();  // the custodian goes as if it had been killed, another comes

  asio::io_context loop;
  std::filesystem::path state;
  std::string mark;
  bool allow_leaf;
  milliseconds patience;
  milliseconds start_limit{20000};
  std::unique_ptr<Custodian> custodian;
  bool pidns = false;  // what program() and script() ask for

 private:
  template <class T>
  static asio::awaitable<void> keep(asio::awaitable<T> task, std::optional<T>& value) {
    value.emplace(co_await std::move(task));
  }
};

std::vector<pid_t> processes_marked(const std::string& mark);
bool alive(pid_t pid);  // no zombie
int open_descriptors();
std::filesystem::path keeper_program();

}  // namespace holdfast::custody
