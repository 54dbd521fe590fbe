#include "puppet.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "os/process.h"
#include "os/spawn.h"
#include "outer.h"

namespace holdfast::faults {

using std::chrono::milliseconds;

Puppet::Puppet(const std::string& state, const std::string& rung, const std::string& log) {
  auto in = os::pipe_pair(), out = os::pipe_pair();
  const UniqueFd errors(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!in || !out || !errors) return;
  std::array<std::string, 4> words{test::program_path("scripted_gateway"), state,
                                   test::program_path("holdfast-keeper"), rung};
  const std::array argv{words[0].data(), words[1].data(), words[2].data(), words[3].data(),
                        static_cast<char*>(nullptr)};
  const std::array<char*, 1> envp{nullptr};
  const std::array fds{in->first.get(), out->second.get(), errors.get()};
  auto born = os::spawn({.path = words[0].c_str(), .argv = argv.data(), .envp = envp.data(), .fds = fds});
  if (!born) return;
  process_ = *std::move(born);
  input_ = std::move(in->second);
  output_ = std::move(out->first);
  if (answer() != "ready") kill();
}

Puppet::~Puppet() {
  if (process_) kill();
}

void Puppet::say(const std::string& command) {
  const std::string line = command + "\n";
  (void)!::write(input_.get(), line.data(), line.size());
}

std::string Puppet::answer() {
  const auto end = std::chrono::steady_clock::now() + milliseconds(10'000);
  for (std::array<char, 512> buffer{};;) {
    if (const auto at = text_.find('\n'); at != text_.npos) {
      const std::string line = text_.substr(0, at);
      text_.erase(0, at + 1);
      return line;
    }
    const auto rest = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
    std::array set{os::Poll{output_.get(), POLLIN, 0}};
    if (rest.count() <= 0 || os::poll_all(set, rest).value_or(0) == 0) return {};
    const ssize_t size = ::read(output_.get(), buffer.data(), buffer.size());
    if (size <= 0) return {};
    text_.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace holdfast::faults
