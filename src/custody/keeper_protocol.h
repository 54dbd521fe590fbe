// What gateway and keeper say to each other over the lifeline: fixed structs, one per SEQPACKET datagram,
// native byte order (both ends are one machine and, but for an upgrade in place, one build). The version
// comes first in every message.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace holdfast::custody {

inline constexpr std::uint16_t kKeeperProtocol = 2;

// Descriptors a keeper is born with. 0, 1, 2 are the server's stdin, stdout, stderr ends; the keeper lets go
// of them as soon as the server has them. "The gateway" is whoever started the keeper: the gateway, or the
// face of `holdfast run`.
inline constexpr int kLifelineFd = 3;  // SEQPACKET socket to the gateway; end-of-file: the gateway is gone
inline constexpr int kGatewayFd =
    4;  // pidfd of the gateway: readable when it died, whoever else holds the lifeline
inline constexpr int kLeafFd = 5;  // the server's cgroup leaf, or absent on rung tree

// argv of a keeper: holdfast-keeper tree OPTIONS -- PROGRAM [ARG …]; its environment is the server's. The
// keeper looks PROGRAM up itself (resolve.h), as it enters DIR: whoever started it touches no file system of
// somebody's choice, which may be gone and never answer.
//   --id ID              tree id, for its title
//   --cwd DIR            the server's working directory; absent: the keeper's own
//   --lost MS            grace after SIGTERM when the gateway died (short ladder)
//   --patience MS        how long SIGKILL may take before it reports unkillable
//   --leaf clone|procs   absent: rung tree
//   --pidns yes          in a PID namespace of its own (keeper_init.h), whatever the rung
//   --files N            RLIMIT_NOFILE of the server
//   --data BYTES         RLIMIT_DATA of the server
// Once the server runs, argv and environment are wiped: the title reads "holdfast-keeper ID" ("holdfast-init
// ID" of a namespace's init), so that nobody who looks for the server by its command line hits the keeper.

inline constexpr std::chrono::milliseconds kLeft{1000};  // Grace::left

enum class KeeperMessage : std::uint16_t {
  // gateway -> keeper
  stop = 1,  // a, b: graces eof and term in ms; stdin was closed just before. Acknowledged by `stopping`
  // a face's, who cannot close stdin; each acknowledged by `heard` if its c is not 0, as is its `stop`
  terminate,   // a: grace term in ms, b: LadderEvent terminate or caller_gone
  signal,      // a: a signal for the server's process group, or for its heir
  input_back,  // stdin has a writer again
  // keeper -> gateway
  // a: pid, b: start ticks, c: 1 if the leaf's kill counter was poisoned (spawned by cgroup.procs). To a face
  // with a pidfd along with it, and without start ticks.
  started = 16,
  spawn_failed,   // a: errno, b: SpawnStep, or one of the two below; the keeper exits with 125 after it
  leader_exited,  // a: exit code, b: signal, c: 1 if members hold our pipes and it exited with 0 (served on)
  stopping,       // a: LadderState entered (eof, term, kill), b: why (LadderEvent); one per rung entered
  unkillable,  // a: members left, b: 1 if EPERM (another uid), 0 if they only do not die; the keeper goes on
               // trying
  empty,       // a: members that got SIGTERM, b: members that got SIGKILL; exit status 0 follows at once
  heard,       // a: the request's c
  // An init speaks to its keeper in the same words: `started` with a pidfd of the server, answered by
  // `heard`; `spawn_failed`; and `leader_exited`, with c: 1 if nobody else was left.
};

inline constexpr std::int64_t kStepDirectory = 100;  // entering DIR failed
inline constexpr std::int64_t kStepLookUp = 101;     // PROGRAM is not there, or not executable

struct KeeperDatagram {
  std::uint16_t version = kKeeperProtocol;
  KeeperMessage kind{};
  std::uint32_t reserved = 0;
  std::int64_t a = 0, b = 0, c = 0;
};

// What came over the lifeline, if it is something that the other side says: of this version, to us, and each
// number one that may be used as what it stands for. Graces are cut to what anybody can mean, since whoever
// says stop is to be heard.
std::optional<KeeperDatagram> from_gateway(std::span<const std::byte> received);
std::optional<KeeperDatagram> from_keeper(std::span<const std::byte> received);

}  // namespace holdfast::custody
