#include "servers.h"

#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "os/process.h"

namespace holdfast::bench {

custody::TreeSpec blocker(const std::string& how) {
  custody::TreeSpec spec;
  spec.name = "blocker";
  spec.command.program = HOLDFAST_BENCH_BLOCKER;
  if (!how.empty()) spec.command.arguments = {how};
  spec.command.environment = {"PATH=/usr/bin:/bin"};
  spec.graces = {.eof = milliseconds(100), .term = milliseconds(100), .lost = milliseconds(100)};
  return spec;
}

void wait_for_byte(int fd) {
  char byte = 0;
  while (::read(fd, &byte, 1) != 1) {  // custody's end does not block
    pollfd set{fd, POLLIN, 0};
    (void)::poll(&set, 1, -1);
  }
}

BareServer::BareServer(const Words& command) {
  auto in = os::pipe_pair(), out = os::pipe_pair();
  if (!in || !out) throw std::runtime_error("no pipes");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in->first.get(), 0);
  ::posix_spawn_file_actions_adddup2(&actions, out->second.get(), 1);
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const int failed = ::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("posix_spawn " + command[0]);
  in_ = std::move(in->second);
  out_ = std::move(out->first);
}

void BareServer::end() {
  in_.reset();
  if (pid_ == 0) return;
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
}

}  // namespace holdfast::bench
