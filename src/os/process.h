// What this process is: subreaper, descriptors, sockets to relatives. No heap.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/fixed_string.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace holdfast::os {

Result<void> become_subreaper();          // PR_SET_CHILD_SUBREAPER, Linux 3.4; not inherited by fork
Result<void> set_undumpable();            // PR_SET_DUMPABLE 0: same-uid ptrace is off
Result<void> set_name(const char* comm);  // PR_SET_NAME, 15 bytes
// PR_SET_PDEATHSIG for this process: when the thread that made it, or the subreaper that adopted it, ends.
Result<void> set_parent_death_signal(int number);
Result<std::pair<UniqueFd, UniqueFd>>
seqpacket_pair();  // socketpair AF_UNIX SOCK_SEQPACKET, CLOEXEC, non-blocking
Result<std::pair<UniqueFd, UniqueFd>> pipe_pair();  // {read, write}, CLOEXEC; blocking (see set_nonblocking)
Result<void> set_nonblocking(int fd);
// One datagram. recv: 0 bytes = the peer is gone. ECONNRESET is read past: what the peer sent before it died
// still comes.
Result<std::size_t> send_message(int fd, std::span<const std::byte> message);
Result<std::size_t> recv_message(int fd, std::span<std::byte> buffer);  // error EAGAIN: nothing now

// The same with a descriptor along with it (SCM_RIGHTS). recv: `fd` stays empty where none came.
Result<std::size_t> send_message(int socket, std::span<const std::byte> message, int fd);
Result<std::size_t> recv_message(int socket, std::span<std::byte> buffer, UniqueFd& fd);

Result<UniqueFd> open_null();              // /dev/null O_RDWR
Result<void> fill_standard_descriptors();  // those of 0, 1, 2 that are closed become /dev/null
// `target` becomes a copy of `source`, CLOEXEC; whatever `target` was is closed. The number stays filled.
Result<void> replace_descriptor(int target, int source);
Result<struct stat> stat_open(int fd);  // fstat(2); EBADF: not open
void close_descriptor(int fd);          // one that was inherited by number and has no owner
// The same of all from this number on (close_range(2), Linux 5.9).
void close_descriptors_from(int first);
pid_t own_pid();
pid_t own_session();
pid_t parent_pid();         // 0: it lives outside of our PID namespace
void new_session();         // setsid; a leader of its own session stays it
Result<void> check_proc();  // /proc is there and speaks of our own PID namespace
// The folder of our own program's file, by /proc/self/exe. ENAMETOOLONG: it has 4,096 bytes or more.
Result<FixedString<4096>> own_program_folder();
// execve(2): returns only with an error.
Error replace_program(const char* path, char* const* argv, char* const* envp);
// exit_group(2): of a fork, that has no destructors of its own to run; or with a thread that nobody can join.
[[noreturn]] void end_process(int status);
bool is_executable(const char* path);  // a regular file that we may execute; errno says why not
// Gives back the pages below the caller's frame that earlier, deeper calls have touched. For a program that
// waits long and is to cost little.
void release_stack();
void fill_random(std::span<std::byte> buffer);
Result<void> set_close_on_exec(int fd);  // for descriptors that were inherited

struct Poll {
  int fd = -1;       // negative: skipped
  short wanted = 0;  // POLLIN, POLLPRI, POLLRDHUP
  short ready = 0;
};
// poll(2); `timeout` < 0 waits for ever. How many are ready (0: timeout or EINTR).
Result<int> poll_all(std::span<Poll> set, std::chrono::milliseconds timeout);

// As much of `text` as fits into a pipe, a terminal or a socket at once; all of it into a file. Waits for no
// reader, but where somebody else fills the same pipe in the moment between our look and our write: making it
// non-blocking would be everybody's who holds it. Less than all: there is no room, or an error.
std::size_t write_what_fits(int fd, std::string_view text);

// An exclusive flock(2) on `path` (created 0600). EWOULDBLOCK: somebody else holds it.
Result<UniqueFd> lock_file(const char* path);
// flock(2) on an open descriptor, for instance a leaf's directory (not O_PATH), without waiting: shared by
// whoever uses it, exclusive by whoever wants to prove that nobody does. EWOULDBLOCK: it is held.
Result<void> lock_descriptor(int fd, bool exclusive);

// A durable name of a process of this boot: name_to_handle_at of its pidfd (pidfs, Linux 6.14), 8 bytes; open
// gives that very process or an error (ESTALE, ENOTSUP).
Result<std::uint64_t> process_handle(int pidfd);
Result<UniqueFd> open_process_handle(std::uint64_t handle);

}  // namespace holdfast::os
