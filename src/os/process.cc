#include "os/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>

#include "os/descriptors.h"
#include "os/small_file.h"

namespace holdfast::os {
namespace {

constexpr std::size_t kMaxPolls = 32;

// struct file_handle with room (MAX_HANDLE_SZ); a pidfs handle has 8 bytes.
struct Handle {
  file_handle head;
  unsigned char bytes[128];
};

Result<int> handle_of(int pidfd, Handle& handle) {
  handle.head.handle_bytes = sizeof handle.bytes;
  int mount = 0;
  if (::name_to_handle_at(pidfd, "", &handle.head, &mount, AT_EMPTY_PATH) != 0)
    return sys_error("name_to_handle_at", "pidfd");
  if (handle.head.handle_bytes != sizeof(std::uint64_t))
    return sys_error("name_to_handle_at", "pidfd", ENOTSUP);
  return handle.head.handle_type;
}

// Room for one descriptor beside a message (unix(7)).
struct DescriptorBox {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr around(iovec& part) {
    msghdr whole{};
    whole.msg_iov = &part;
    whole.msg_iovlen = 1;
    whole.msg_control = control;
    whole.msg_controllen = sizeof control;
    return whole;
  }
};

Result<void> set_control(int option, unsigned long value, std::string_view what) {
  if (::prctl(option, value, 0, 0, 0) != 0) return sys_error("prctl", what);
  return {};
}

}  // namespace

Result<void> become_subreaper() { return set_control(PR_SET_CHILD_SUBREAPER, 1, "PR_SET_CHILD_SUBREAPER"); }
Result<void> set_undumpable() { return set_control(PR_SET_DUMPABLE, 0, "PR_SET_DUMPABLE"); }
Result<void> set_parent_death_signal(int number) {
  return set_control(PR_SET_PDEATHSIG, static_cast<unsigned long>(number), "PR_SET_PDEATHSIG");
}
Result<void> set_name(const char* comm) {
  return set_control(PR_SET_NAME, reinterpret_cast<unsigned long>(comm), "PR_SET_NAME");
}

Result<std::pair<UniqueFd, UniqueFd>> seqpacket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return sys_error("socketpair");
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<std::pair<UniqueFd, UniqueFd>> pipe_pair() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return sys_error("pipe2");
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<void> set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return sys_error("fcntl", "O_NONBLOCK");
  return {};
}

Result<std::size_t> send_message(int fd, std::span<const std::byte> message) {
  for (;;) {
    const ssize_t n = ::send(fd, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return sys_error("send");
  }
}

Result<std::size_t> recv_message(int fd, std::span<std::byte> buffer) {
  for (;;) {
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n >= 0) return static_cast<std::size_t>(n);
    // ECONNRESET: the peer died with our message unread. It is told once, before the peer's own last
    // messages.
    if (errno != EINTR && errno != ECONNRESET) return sys_error("recv");
  }
}

Result<std::size_t> send_message(int socket, std::span<const std::byte> message, int fd) {
  iovec part{const_cast<std::byte*>(message.data()), message.size()};
  DescriptorBox box{};
  msghdr whole = box.around(part);
  cmsghdr* head = CMSG_FIRSTHDR(&whole);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(head), &fd, sizeof fd);
  for (;;) {
    const ssize_t n = ::sendmsg(socket, &whole, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return sys_error("sendmsg");
  }
}

Result<std::size_t> recv_message(int socket, std::span<std::byte> buffer, UniqueFd& fd) {
  iovec part{buffer.data(), buffer.size()};
  for (;;) {
    DescriptorBox box{};
    msghdr whole = box.around(part);
    const ssize_t n = ::recvmsg(socket, &whole, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EINTR || errno == ECONNRESET)) continue;
    if (n < 0) return sys_error("recvmsg");
    const cmsghdr* head = CMSG_FIRSTHDR(&whole);
    int came = -1;
    if (head != nullptr && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof came))
      std::memcpy(&came, CMSG_DATA(head), sizeof came);
    fd = UniqueFd(came);
    return static_cast<std::size_t>(n);
  }
}

Result<UniqueFd> open_null() { return open_at(AT_FDCWD, "/dev/null", O_RDWR); }

Result<void> fill_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    if (::open("/dev/null", O_RDWR) != fd) return sys_error("open", "/dev/null");  // the lowest free number
  }
  return {};
}

Result<void> replace_descriptor(int target, int source) {
  if (::dup3(source, target, O_CLOEXEC) < 0) return sys_error("dup3");
  return {};
}

Result<struct stat> stat_open(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return sys_error("fstat");
  return info;
}

void close_descriptor(int fd) { ::close(fd); }
void close_descriptors_from(int first) {
  (void)::syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, 0);
}
pid_t own_pid() { return ::getpid(); }
pid_t own_session() { return ::getsid(0); }
pid_t parent_pid() { return ::getppid(); }
void new_session() { (void)::setsid(); }

Result<void> check_proc() {
  char text[32];
  const ssize_t size = ::readlink("/proc/self", text, sizeof text);
  if (size < 0) return sys_error("readlink", "/proc/self");
  std::string_view number(text, static_cast<std::size_t>(size));
  if (take_number(number) == static_cast<std::uint64_t>(::getpid())) return {};
  return fail(Errc::unproven, "", "/proc is mounted for another PID namespace");
}

Result<FixedString<4096>> own_program_folder() {
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size < 0) return sys_error("readlink", "/proc/self/exe");
  if (size == sizeof path) return sys_error("readlink", "/proc/self/exe", ENAMETOOLONG);
  const std::string_view whole(path, static_cast<std::size_t>(size));
  return FixedString<4096>(whole.substr(0, whole.rfind('/')));
}

Error replace_program(const char* path, char* const* argv, char* const* envp) {
  ::execve(path, argv, envp);
  return sys_error("execve", path).error();
}

void end_process(int status) { ::_exit(status); }

bool is_executable(const char* path) {
  struct stat info{};
  if (::stat(path, &info) != 0) return false;
  if (!S_ISREG(info.st_mode)) {
    errno = EACCES;
    return false;
  }
  return ::faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

void release_stack() {
  constexpr std::uintptr_t kPage = 4096, kDepth = 64 * 1024, kInUse = 1024;  // our own call of madvise
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const std::uintptr_t end = (here - kInUse) / kPage * kPage;
  // Fails where the stack has not grown as far: what there is of it is given back all the same.
  (void)::madvise(reinterpret_cast<void*>(end - kDepth), kDepth, MADV_DONTNEED);
}

void fill_random(std::span<std::byte> buffer) {
  while (!buffer.empty()) {
    const ssize_t n = ::getrandom(buffer.data(), buffer.size(), 0);
    if (n > 0) buffer = buffer.subspan(static_cast<std::size_t>(n));
  }
}

Result<void> set_close_on_exec(int fd) {
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return sys_error("fcntl", "FD_CLOEXEC");
  return {};
}

Result<int> poll_all(std::span<Poll> set, std::chrono::milliseconds timeout) {
  if (set.size() > kMaxPolls) return fail(Errc::limit, "poll", "too many descriptors");
  pollfd polls[kMaxPolls];
  for (std::size_t i = 0; i < set.size(); ++i) polls[i] = {set[i].fd, set[i].wanted, 0};
  const int n = ::poll(polls, set.size(), timeout.count() < 0 ? -1 : static_cast<int>(timeout.count()));
  if (n < 0 && errno != EINTR) return sys_error("poll");
  for (std::size_t i = 0; i < set.size(); ++i) set[i].ready = n > 0 ? polls[i].revents : short{0};
  return std::max(n, 0);
}

std::size_t write_what_fits(int fd, std::string_view text) {
  constexpr std::size_t kPiece = PIPE_BUF;  // a pipe that polls as writable has room for so much
  std::size_t done = 0;
  while (done < text.size()) {
    std::array set{Poll{fd, POLLOUT, 0}};
    if (poll_all(set, std::chrono::milliseconds(0)).value_or(0) == 0) break;
    const ssize_t size = ::write(fd, text.data() + done, std::min(kPiece, text.size() - done));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    done += static_cast<std::size_t>(size);
  }
  return done;
}

Result<UniqueFd> lock_file(const char* path) {
  UniqueFd fd(::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return sys_error("open", path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return sys_error("flock", path);
  return fd;
}

Result<void> lock_descriptor(int fd, bool exclusive) {
  if (::flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) return sys_error("flock");
  return {};
}

Result<std::uint64_t> process_handle(int pidfd) {
  Handle handle{};
  if (auto type = handle_of(pidfd, handle); !type) return forward(type);
  std::uint64_t value = 0;
  std::memcpy(&value, handle.head.f_handle, sizeof value);
  return value;
}

Result<UniqueFd> open_process_handle(std::uint64_t value) {
  // Any pidfd serves as the mount; ours also tells the type of handle that this kernel uses.
  UniqueFd own(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  if (!own) {
    note_shortage(errno);
    return sys_error("pidfd_open", "self");
  }
  Handle handle{};
  if (auto type = handle_of(own.get(), handle); !type) return forward(type);
  std::memcpy(handle.head.f_handle, &value, sizeof value);
  UniqueFd fd(::open_by_handle_at(own.get(), &handle.head, O_CLOEXEC));
  if (!fd) {
    note_shortage(errno);
    return sys_error("open_by_handle_at", "pidfd");
  }
  return fd;
}

}  // namespace holdfast::os
