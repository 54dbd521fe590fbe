// How a run ends: the proof that nothing is left, what the face does when its keeper is gone, the exit
// status.
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <new>

#include "base/plural.h"
#include "custody/face.h"
#include "custody/keeper.h"
#include "os/leaf_below.h"
#include "os/process.h"
#include "os/spawn.h"

namespace holdfast::custody {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{5000};
constexpr int kWalksPerPass = 4;

void write_text(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void complain(std::string_view text) {
  FixedString<600> line("holdfast run: ");
  write_text(2, line.append(text).append("\n").view());
}

}  // namespace

FixedString<480> describe(const Error& error) {
  FixedString<480> text(error.op);
  if (!error.subject.empty()) text.append(text.empty() ? "" : " ").append(error.subject.view());
  if (error.code.category() != std::system_category()) return text;  // the subject is a sentence
  const char* meaning = ::strerrordesc_np(error.code.value());
  return text.append(": ").append(meaning != nullptr ? meaning : "unknown error");
}

// Everybody who is dead: the keeper, what it left us, and what came to us as a namespace's init.
void Face::reap() {
  for (int i = 0; i < kReapsPerRound; ++i) {
    const auto ended = os::wait_child(-1);
    if (!ended || ended->pid == 0) return;
    if (ended->pid == keeper_.process.pid()) {
      keeper_.end = *ended;
    } else if (ended->pid == keeper_.leader_pid && !keeper_.leader_end) {
      keeper_.leader_end = *ended;
    }
  }
}

// The keeper is gone. Its word alone is no proof: exit 0, and nobody left among our children, and an empty
// leaf.
void Face::finish() {
  if (gave_up_) return;
  if (keeper_.lifeline) hear();
  keeper_.lifeline.reset();
  reap();
  const bool in_order =
      keeper_.end && keeper_.end->signal == 0 && keeper_.end->code == 0 && keeper_.said_empty;
  // Where strangers' daemons come to us as well, nobody could tell them from what a liar left: its word is
  // taken then.
  const bool nobody_left = strangers_ || members_->empty();
  if (in_order && nobody_left) return;
  const bool never_began = keeper_.spawn_error && nobody_left;
  if (!never_began) finish_alone();
  if (keeper_.in_leaf && !gave_up_) (void)os::remove_leaf(members_->leaf());
}

// No grace: a survivor's politeness would be the window in which it could kill its second guard.
void Face::finish_alone() {
  report_.keeper_lost = true;
  report_.enter(advance(keeper_.ladder, LadderEvent::keeper_gone).next, LadderEvent::keeper_gone);
  const auto begin = Clock::now();
  for (;;) {
    Members::Pass pass;
    for (int i = 0; i < kWalksPerPass; ++i) {
      reap();
      if (members_->empty()) {
        reap();  // who died since was seen dead, and has a status
        return;
      }
      pass = members_->kill();
      report_.killed = std::max<std::int64_t>(report_.killed, pass.signalled);
      if (pass.signalled == 0) break;
    }
    const auto took = Clock::now() - begin;
    const bool refused = pass.refused > 0 && pass.signalled == 0;
    if (refused || took > kPatience) return give_up(pass.signalled + pass.refused, refused);
    (void)os::poll_all({}, milliseconds(took > milliseconds(200) ? 10 : 1));
  }
}

void Face::give_up(std::int64_t left, bool refused) {
  gave_up_ = true;
  report_.left = left;
  FixedString<224> text;
  text.append_number(left).append(plural(left, " process", " processes"));
  text.append(refused ? " of another user cannot be ended from here" : " would not die")
      .append("; left behind");
  report_.error = text;
  complain(text.view());
}

int Face::fail(int status, const Error& error) {
  report_.ended_by = "start_failed";
  const auto text = describe(error);
  report_.error = text.view();
  complain(text.view());
  report_.exit_status = status;
  report_.end = Clock::now();
  if (report_fd_) (void)report_.write(report_fd_.get());
  return status;
}

int Face::conclude() {
  if (keeper_.spawn_error) {
    const int number = keeper_.spawn_error->code.value();
    const bool by_exec = keeper_.spawn_step == kStepLookUp ||
                         static_cast<os::SpawnStep>(keeper_.spawn_step) == os::SpawnStep::execve;
    const int status = number == ENOENT ? kRunNotFound : kRunNotExecutable;
    return fail(by_exec ? status : kRunFailed, *keeper_.spawn_error);
  }
  if (!gave_up_ && !keeper_.leader_end && !keeper_.started)
    return fail(kRunFailed, holdfast::fail(Errc::unproven, "", "the keeper ended before it began").error());
  // Whose status was lost with a killed keeper was killed by us.
  const os::Waited end =
      keeper_.leader_end.value_or(os::Waited{.pid = keeper_.leader_pid, .signal = SIGKILL});
  report_.status_known = keeper_.leader_end.has_value();
  report_.code = end.code;
  report_.leader_signal = end.signal;
  int status = end.signal != 0 ? 128 + end.signal : end.code;
  if (report_.ended_by == "time_over") status = kRunTimeOver;
  if (gave_up_) status = kRunFailed;
  report_.exit_status = status;
  report_.end = Clock::now();
  if (report_fd_ && !report_.write(report_fd_.get())) {
    complain("the report could not be written");
    if (status == 0) status = kRunFailed;
  }
  return status;
}

int show_face(int argc, char** argv, char** environment) {
  // Closed ones are filled first: otherwise the next descriptor that we open becomes the command's stdin.
  if (!os::fill_standard_descriptors()) return kRunFailed;
  const auto options = parse_face_options(argv + 2);
  if (!options) {
    complain(describe(options.error()).view());
    write_text(2, "See: holdfast run --help\n");
    return kKeeperUsage;
  }
  if (options->help) {
    write_text(1, kFaceHelp);
    return 0;
  }
  static Pages<Face> pages;
  return (new (pages.room) Face(*options, argc, argv, environment))->run();
}

}  // namespace holdfast::custody
