// The load of the calls section: clients that each send the next call when the answer to the last has come.
// One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"

namespace holdfast::bench {

// Where one client calls. No session: whoever answers knows none.
struct Target {
  Address address;
  std::string path, session;
};

struct Latencies {
  double p50_us = 0, p99_us = 0, per_second = 0;
  std::size_t calls = 0;
};

class Load {
 public:
  // Connects; every call's text has so many bytes. Throws std::runtime_error, as run() does.
  Load(const std::vector<Target>& clients, std::size_t bytes);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  // For so long. Every answer has to have status 200, the call's id and its text's length.
  Latencies run(std::chrono::milliseconds duration);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::bench
