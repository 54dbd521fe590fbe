// The stage on which one run plays: a gateway, its keepers and their newborn servers, traced; one fault at
// one point; and the truth about who lives. For the init of a world of its own (os/own_world.h).
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "innocent.h"
#include "os/pidfd.h"
#include "os/tracer.h"
#include "point.h"

namespace holdfast::faults {

struct Plan {
  std::string gateway, keeper, servers;  // programs; the directory of the servers' programs
  std::string state, log;                // directory; file: what gateways say on stderr
  bool leaf = false, pidns = false;
  Fault fault;
  std::optional<Point> target;  // none: nothing befalls anybody
  std::chrono::milliseconds standstill{10'000}, shortage{300};
};

// A point that was passed.
struct Passed {
  Point point;
  long call = -1;
  std::vector<int> errors;  // that this call may meet
  std::string keeper;       // role of the youngest living keeper; empty: there is none
  bool looks_up = false;    // it is pidfd_open, of another process of this world
};

class Stage {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Stage(const Plan& plan);

  // Another gateway comes, when the last one is gone. `traced`: points are counted.
  bool enter_gateway(bool traced);
  // When everybody waits (or a third of a second has passed): from here on points belong to this step, and
  // newborn keepers to this tree.
  void begin_step(const std::string& step, const std::string& tree);
  enum class Said { answer, died, silent };
  Said tell(const std::string& command, std::chrono::milliseconds limit);
  [[nodiscard]] const std::string& answer() const { return answer_; }
  // Lets the play go on until `enough`, or the time is over: false.
  bool until(const std::function<bool()>& enough, std::chrono::milliseconds limit);
  void kill_everybody_but_servers();

  [[nodiscard]] bool gateway_lives() const { return gateway_ && !gateway_.exited(); }
  [[nodiscard]] std::ptrdiff_t gateway_descriptors() const;
  // All living processes of this world but its init and the gateway.
  [[nodiscard]] std::vector<pid_t> members() const;
  [[nodiscard]] std::string describe() const;

  [[nodiscard]] bool reached() const { return reached_; }
  [[nodiscard]] const std::string& victim() const { return victim_; }  // the tree whose keeper was met
  // What befell the innocent on a number that came back.
  [[nodiscard]] std::string harm() const { return innocent_ ? innocent_->harm() : std::string(); }
  [[nodiscard]] const std::vector<Passed>& passed() const { return passed_; }
  [[nodiscard]] const std::vector<std::string>& sins() const { return sins_; }  // waits by the wall clock
  void close_input() { input_.reset(); }

 private:
  struct Thread {
    std::string role{}, tree{};
    pid_t process = 0;
    bool waits = false;
    os::TracedCall call{};
  };
  void pump(std::chrono::milliseconds at_most);
  void heed(const os::TraceStop& stop);
  void meet(const os::TraceStop& stop, Thread& thread);
  void before_call(const os::TraceStop& stop, Thread& thread);
  [[nodiscard]] bool is_target(const Point& here, const os::TraceStop& stop, const Thread& thread) const;
  void befall(const os::TraceStop& stop, Thread& thread);
  void note_birth(const os::TraceStop& stop, const Thread& parent);
  [[nodiscard]] bool looks_up(const os::TracedCall& call, const Thread& thread) const;
  void give_away(pid_t number);
  void shift_clock(const os::TraceStop& stop, const Thread& thread);
  void strike(const std::vector<pid_t>& victims, int signal);
  void collect();
  [[nodiscard]] std::vector<std::pair<pid_t, const Thread*>> keepers() const;  // oldest first
  [[nodiscard]] bool quiet() const;
  [[nodiscard]] bool steps() const;  // every call is looked at
  void read_answer();

  const Plan& plan_;
  UniqueFd children_, input_, output_;
  os::PidFd gateway_;
  bool traced_ = false, reached_ = false;
  std::string step_, tree_, text_, answer_, victim_;
  std::map<pid_t, Thread> threads_;
  std::map<pid_t, os::TraceStop> unknown_;  // stopped before their birth was told
  std::deque<os::TraceStop> pending_;
  std::map<std::string, int> counts_;  // by role, in this step
  int born_keepers_ = 0, born_inits_ = 0, born_servers_ = 0, born_threads_ = 0;
  long shift_ = 0;
  pid_t lacking_ = 0;
  Clock::time_point lacks_until_{}, continue_at_ = Clock::time_point::max(), last_news_{};
  std::vector<os::PidFd> stopped_;
  std::optional<Innocent> innocent_;
  std::vector<Passed> passed_;
  std::vector<std::string> sins_;
};

}  // namespace holdfast::faults
