#include "scene.h"

#include <array>
#include <filesystem>
#include <functional>
#include <map>

#include "os/cgroup.h"
#include "os/procfs.h"
#include "outer.h"

namespace holdfast::faults {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kAnswer{10'000};  // for a step; nothing in it may take half as long
constexpr milliseconds kReady{5'000};

struct Step {
  const char* name;
  const char* tree;     // whom it is about; "": nobody
  const char* command;  // PROGRAM stands for the directory of the servers
  enum class Does { nothing, start, end, end_all } does;
};

using Does = Step::Does;
// a: held throughout. b: deaf, and so is one of it that lives apart. c: three generations, all deaf. x:
// cannot be executed.
constexpr auto kLife = std::to_array<Step>({
    {"open", "", "open", Does::nothing},
    {"start-a", "a", "start a @polite", Does::start},
    {"start-b", "b", "start b @kin", Does::start},
    {"start-c", "c", "start c @family", Does::start},
    {"stop-b", "b", "stop b", Does::end},
    {"orphan-c", "c", "orphan c", Does::end},
    {"sweep", "c", "sweep", Does::nothing},
    {"start-x", "x", "start x STATE/../broken", Does::nothing},
    {"shutdown", "", "shutdown", Does::end_all},
});
constexpr auto kBefore = std::to_array<Step>({
    {"", "", "open", Does::nothing},
    {"", "b", "start b @kin", Does::start},
    {"", "c", "start c @family", Does::start},
});
constexpr auto kRecovery = std::to_array<Step>({
    {"recover", "", "open", Does::nothing},
    {"restart-a", "a", "start a @polite", Does::start},
    {"shutdown-2", "", "shutdown", Does::end_all},
});

constexpr auto kDoze = std::to_array<Step>({
    {"open", "", "open", Does::nothing},
    {"doze", "", "doze", Does::nothing},
    {"shutdown", "", "shutdown", Does::end_all},
});

std::span<const Step> steps_of(const std::string& scene) {
  if (scene == "life") return kLife;
  if (scene == "recovery") return kRecovery;
  if (scene == "doze") return kDoze;
  return {};
}

class Play {
 public:
  Play(Stage& stage, const Plan& plan) : stage_(stage), plan_(plan) {}

  Verdict run(std::span<const Step> steps) {
    if (steps.data() == kRecovery.data()) before();
    if (!stage_.enter_gateway(true)) return blame("the gateway does not start"), std::move(verdict_);
    for (const Step& step : steps)
      if (!take(step)) break;
    if (stage_.gateway_lives()) {
      if (!owing_) expect_nobody("after the shutdown");
      if (const auto now = stage_.gateway_descriptors(); descriptors_ != 0 && now > descriptors_)
        blame("descriptors of the gateway: " + std::to_string(now) + ", were " +
              std::to_string(descriptors_));
      stage_.begin_step("", "");
      stage_.close_input();
      if (!stage_.until([&] { return !stage_.gateway_lives(); }, kAnswer)) blame("the gateway does not end");
    } else {
      after_death();
    }
    next_start();
    if (const auto harm = stage_.harm(); !harm.empty()) blame("an innocent: " + harm);
    for (const auto& sin : stage_.sins()) blame("waits by the wall clock: " + sin);
    return std::move(verdict_);
  }

 private:
  void blame(const std::string& text) { verdict_.wrong.push_back(text); }

  void before() {
    if (!stage_.enter_gateway(true)) return blame("the first gateway does not start");
    for (const Step& step : kBefore) (void)take(step);
    stage_.kill_everybody_but_servers();
    held_.clear();
    if (plan_.pidns) return expect_nobody("by the stroke");  // the kernel ends them
    owing_ = true;
    if (stage_.members().empty()) blame("the stroke left nothing: this shows nothing");
  }

  // False: the play is over.
  bool take(const Step& step) {
    look_after_the_held(step.name);
    if (step.does == Does::end) held_.erase(step.tree);
    if (step.does == Does::end_all) held_.clear();
    std::string command = step.command;
    const fs::path mark = fs::path(plan_.state) / ".." / ("mark-" + std::string(step.tree));
    if (const auto at = command.find('@'); at != command.npos) {
      command.replace(at, 1, plan_.servers + "/");
      command += " " + mark.native();
    }
    if (const auto at = command.find("STATE"); at != command.npos) command.replace(at, 5, plan_.state);
    stage_.begin_step(step.name, step.tree);
    const auto said = stage_.tell(
        command, kAnswer + (plan_.fault.kind == Fault::Kind::stop ? plan_.standstill : milliseconds(0)));
    if (said == Stage::Said::died) return false;
    if (said == Stage::Said::silent) {
      blame(std::string("no answer to ") + step.name);
      stage_.kill_everybody_but_servers();
      return false;
    }
    if (stage_.answer().starts_with("refused ")) {  // with its reason; now it ends
      refused_ = true;
      return !stage_.until([&] { return !stage_.gateway_lives(); }, kAnswer);
    }
    if (step.does == Does::start) note_start(step, mark);
    if (step.name == std::string_view("open") && !stage_.reached())
      descriptors_ = stage_.gateway_descriptors();
    // What recovery could not look at it has to report; then it is the next start's.
    if (stage_.answer().starts_with("opened "))
      owing_ = owing_ && !stage_.answer().ends_with(" unverified 0");
    expect_the_victim_gone();
    if (!stage_.reached() && !as_expected(step)) blame(std::string(step.name) + ": " + stage_.answer());
    return stage_.gateway_lives();
  }

  // A killed keeper's tree is ended at once, by a gateway that lives.
  void expect_the_victim_gone() {
    if (!stage_.reached() || plan_.fault.kind != Fault::Kind::kill || !stage_.gateway_lives()) return;
    const auto victim = held_.find(stage_.victim());
    if (victim != held_.end() && !soon([&] { return victim->second.exited(); }))
      blame("left by its keeper: " + victim->first);
  }

  // What a step answers while nothing has gone wrong yet.
  bool as_expected(const Step& step) const {
    const std::string& answer = stage_.answer();
    const std::string_view name = step.tree;
    if (answer.starts_with("opened "))
      return answer == std::string("opened ") + (plan_.leaf ? "leaf" : "tree") + " unverified 0";
    if (name == "x") return answer.starts_with("not started x");
    if (step.does == Does::start) return answer.starts_with("started ");
    return answer == "gone" || answer == "orphaned" || answer == "swept 1" || answer == "dozed" ||
           answer == "left 0";
  }

  void note_start(const Step& step, const fs::path& mark) {
    const std::string& answer = stage_.answer();
    if (!answer.starts_with("started ")) return;
    auto leader = os::PidFd::open(std::atoi(answer.c_str() + answer.rfind(' ')));
    if (!leader) return;
    const bool ready =
        stage_.until([&] { return fs::exists(mark) || leader->exited() || !stage_.gateway_lives(); }, kReady);
    if (!ready) blame(std::string(step.tree) + " is never ready");
    held_[step.tree] = *std::move(leader);
  }

  // Whom nobody stopped lives, but for the one whose keeper was met.
  void look_after_the_held(const char* when) {
    if (!stage_.gateway_lives()) return;
    for (const auto& [name, leader] : held_)
      if (leader.exited() && !(stage_.reached() && stage_.victim() == name))
        blame("wrong kill: " + name + ", before " + when);
  }

  bool soon(const std::function<bool()>& condition) {
    const auto begin = Stage::Clock::now();
    const bool done = stage_.until(condition, test::patience(milliseconds(5000)));
    const auto took = std::chrono::duration_cast<milliseconds>(Stage::Clock::now() - begin);
    verdict_.took = std::max(verdict_.took, took);
    return done;
  }
  void expect_nobody(const std::string& when) {
    if (!soon([&] { return stage_.members().empty(); })) blame("left " + when + ": " + stage_.describe());
  }

  void after_death() {
    const Fault& fault = plan_.fault;
    const bool by_us = fault.kind == Fault::Kind::kill && fault.gateway;
    // With its keepers in one stroke it leaves what the next start finds, unless the kernel does; so does one
    // that did not get to find it.
    const bool next_start_owes = (by_us && fault.keeper && !plan_.pidns) || owing_;
    if (!next_start_owes) expect_nobody("after the gateway's death");
    if (!by_us && !refused_) blame("the gateway ended and gave no reason");
  }

  void next_start() {
    if (!stage_.enter_gateway(false)) return blame("the next gateway does not start");
    const bool answered = stage_.tell("open", kAnswer) == Stage::Said::answer;
    const std::string expected = std::string("opened ") + (plan_.leaf ? "leaf" : "tree") + " unverified 0";
    if (!answered || stage_.answer() != expected) blame("the next start says: " + stage_.answer());
    expect_nobody("after the next start");
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(plan_.state + "/ledger", ec))
      blame("in the ledger: " + entry.path().filename().native());
    if (const auto own = os::own_cgroup(); own && plan_.leaf) {
      const auto parents = os::list_cgroups(*own, "holdfast-");
      for (const auto& parent : parents ? *parents : std::vector<std::string>())
        for (const auto& leaf :
             os::list_cgroups(*own + "/" + parent, "").value_or(std::vector<std::string>()))
          blame("a leaf: " + leaf);
    }
    stage_.close_input();
    if (!stage_.until([&] { return !stage_.gateway_lives(); }, kAnswer))
      blame("the next gateway does not end");
  }

  Stage& stage_;
  const Plan& plan_;
  std::map<std::string, os::PidFd> held_;
  bool refused_ = false, owing_ = false;  // owing: what a stroke left is still to be found
  std::ptrdiff_t descriptors_ = 0;        // of the gateway, before it had any tree
  Verdict verdict_;
};

}  // namespace

bool known_scene(const std::string& name) { return !steps_of(name).empty(); }

Verdict play(const std::string& scene, Stage& stage, const Plan& plan) {
  return Play(stage, plan).run(steps_of(scene));
}

}  // namespace holdfast::faults
