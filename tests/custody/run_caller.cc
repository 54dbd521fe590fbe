// A caller that can be killed: starts PROGRAM as a client would, says its pid on stdout, and waits for ever.
// The program's stdin is a pipe or a socketpair whose other end nobody else holds, or /dev/null; its stdout
// is ours. run_caller pipe|socket|null [thread] PROGRAM ARGUMENT...; `thread`: it is forked by a thread that
// ends at once.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <thread>

namespace {

pid_t start(int in, char** argv) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::dup2(in, 0);
  ::execv(argv[0], argv);
  ::_exit(99);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string_view kind(argv[1]);
  int ends[2] = {-1, -1};
  if (kind == "pipe" && ::pipe2(ends, O_CLOEXEC) != 0) return 3;
  if (kind == "socket" && ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return 3;
  if (kind == "null") ends[0] = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  pid_t child = -1;
  if (std::string_view(argv[2]) == "thread") {
    std::thread([&] { child = start(ends[0], argv + 3); }).join();
  } else {
    child = start(ends[0], argv + 2);
  }
  ::close(ends[0]);
  std::printf("%d\n", child);
  std::fflush(stdout);
  for (;;) ::pause();
}
