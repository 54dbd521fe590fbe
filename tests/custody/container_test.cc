// Servers that are containers (L33): whatever ends the tree ends them too, by id, and nobody else's.
#include <gmock/gmock.h>
#include <signal.h>

#include <fstream>
#include <thread>

#include "base/ids.h"
#include "fake_runtime.h"
#include "lab.h"
#include "os/procfs.h"
#include "outer.h"

namespace holdfast::custody {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

const std::vector<std::string> kPolite{"/bin/cat"};
const std::vector<std::string> kDeaf{"/bin/sh", "-c", "trap '' TERM HUP INT; while :; do sleep 1000; done"};

void kill_process(pid_t pid) {
  if (const auto process = os::PidFd::open(pid)) (void)process->signal(SIGKILL);
}

class Containers : public ::testing::Test {
 protected:
  TreeSpec docker(std::vector<std::string> image, std::vector<std::string> options = {},
                  const std::string& name = "boxed") {
    std::vector<std::string> words{"run", "-i", "--rm"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), image.begin(), image.end());
    auto spec = lab.program(runtime.program(), words, name);
    spec.command.environment.push_back("DOCKER_HOST=" + runtime.host());
    return spec;
  }
  // Its processes run: the command that asks for them is answered.
  std::shared_ptr<Tree> start(TreeSpec spec) {
    const auto before = runtime.processes().size();
    auto tree = lab.start(std::move(spec));
    EXPECT_TRUE(lab.until([&] { return runtime.processes().size() > before; }));
    return tree;
  }
  bool stop(const std::shared_ptr<Tree>& tree) { return lab.run(lab.custodian->stop(tree, "test")); }
  bool ends(const std::shared_ptr<Tree>& tree) {
    return lab.until([&] { return tree->state() == TreeState::gone; });
  }
  [[nodiscard]] std::vector<std::string> records() const {
    std::vector<std::string> files;
    if (fs::exists(lab.state / "containers"))
      for (const auto& entry : fs::directory_iterator(lab.state / "containers"))
        files.push_back(entry.path().filename());
    return files;
  }
  [[nodiscard]] bool nothing_left() const {
    return runtime.processes().empty() && records().empty() && lab.nothing_left() &&
           runtime.docker({"ps", "-aq"}).empty();
  }

  test::FakeRuntime runtime;
  Lab lab;
};

TEST_F(Containers, L33_a_clean_close_ends_it_and_leaves_no_file) {
  const auto tree = start(docker(kPolite));
  EXPECT_EQ(records().size(), 2U);
  EXPECT_TRUE(stop(tree));
  EXPECT_TRUE(nothing_left());
  EXPECT_FALSE(runtime.called("stop")) << "it had gone by itself";
}

TEST_F(Containers, L33_it_bears_our_labels_an_init_and_a_cidfile_unless_the_entry_says_otherwise) {
  const auto tree = start(docker(kPolite));
  const auto label = "holdfast.tree=" + lab.custodian->gateway_id() + "/" + tree->id();
  std::string id;
  std::ifstream(lab.state / "containers" / (tree->id() + ".cid")) >> id;
  EXPECT_EQ(runtime.docker({"ps", "-aq", "--no-trunc", "--filter", "label=" + label}), id + "\n");
  EXPECT_THAT(runtime.docker({"inspect", id}), HasSubstr("fake.init=true"));
  const auto own = (lab.state / "own.cid").native();
  const auto other = start(docker(kPolite, {"--cidfile", own, "--init=false"}));
  std::ifstream(own) >> id;
  EXPECT_THAT(runtime.docker({"inspect", id}), Not(HasSubstr("fake.init=true")));
  EXPECT_TRUE(stop(tree));
  EXPECT_TRUE(stop(other));
  EXPECT_TRUE(nothing_left());
}

TEST_F(Containers, L33_a_killed_command_line_takes_its_container_along) {
  const auto tree = start(docker(kDeaf));
  kill_process(tree->leader_pid());
  EXPECT_TRUE(ends(tree));
  EXPECT_TRUE(nothing_left());
}

TEST_F(Containers, L33_an_image_deaf_to_eof_and_TERM_ends_all_the_same) {
  const auto tree = start(docker(kDeaf));
  EXPECT_TRUE(stop(tree));
  EXPECT_TRUE(nothing_left());
}

TEST_F(Containers, L33_a_killed_keeper_takes_its_container_along) {
  const auto tree = start(docker(kDeaf));
  kill_process(tree->keeper_pid());
  EXPECT_TRUE(ends(tree));
  EXPECT_TRUE(nothing_left());
}

TEST_F(Containers, L33_a_container_that_stays_after_its_exit_is_removed) {
  auto spec = docker(kPolite);
  std::erase(spec.command.arguments, "--rm");
  EXPECT_TRUE(stop(start(spec)));
  EXPECT_TRUE(nothing_left());
}

TEST_F(Containers, L33_a_shutdown_leaves_none) {
  for (int i = 0; i < 3; ++i) start(docker(kDeaf));
  const auto report = lab.run(lab.custodian->shutdown());
  EXPECT_TRUE(report.unkillable.empty());
  EXPECT_TRUE(nothing_left());
}

TEST_F(Containers, L33_a_shutdown_does_not_cut_off_an_end_that_is_under_way) {
  const auto tree = start(docker(kDeaf));
  tree->orphan("test");
  TaskGroup group(lab.loop.get_executor());
  group.spawn("sweep",
              [](Custodian& c) -> asio::awaitable<void> { (void)co_await c.sweep(); }(*lab.custodian));
  EXPECT_TRUE(lab.until([&] { return runtime.called("stop"); }));
  EXPECT_TRUE(lab.run(lab.custodian->shutdown()).unkillable.empty());
  EXPECT_TRUE(nothing_left());
}

TEST_F(Containers, L33_containers_of_others_are_never_touched) {
  // The same image: a user's own, and another gateway's.
  runtime.docker({"run", "-d", "/bin/sleep", "1000"});
  runtime.docker({"run", "-d", "--label", "holdfast.tree=another/tree", "/bin/sleep", "1000"});
  const auto sibling = start(docker({"/bin/sleep", "1000"}, {}, "sibling"));
  const auto tree = start(docker({"/bin/sleep", "1000"}));
  kill_process(tree->leader_pid());
  EXPECT_TRUE(ends(tree));
  EXPECT_EQ(runtime.processes().size(), 3U);
  EXPECT_EQ(sibling->state(), TreeState::active);
  EXPECT_TRUE(stop(sibling));
  EXPECT_EQ(runtime.processes().size(), 2U);
  EXPECT_TRUE(records().empty());
}

TEST_F(Containers, L33_a_runtime_that_cannot_be_run_at_all_parks_nobody) {
  auto spec = docker(kPolite);
  spec.command.program = "/no/such/docker";
  EXPECT_FALSE(lab.run(lab.custodian->start(spec)));
  EXPECT_TRUE(nothing_left());
  EXPECT_TRUE(lab.custodian->trees().empty());
}

TEST_F(Containers, L33_a_dead_daemon_makes_it_unkillable_with_the_reason) {
  const auto tree = start(docker(kDeaf));
  runtime.kill_daemon();
  const auto began = steady_clock::now();
  EXPECT_FALSE(stop(tree));
  EXPECT_LT(steady_clock::now() - began, 20s);
  EXPECT_EQ(tree->state(), TreeState::unkillable);
  EXPECT_THAT(tree->reason(), HasSubstr("Cannot connect to the Docker daemon"));
  EXPECT_EQ(records().size(), 2U) << "the next start looks after it";
}

TEST_F(Containers, L33_a_daemon_that_hangs_holds_up_nobody_and_is_asked_again) {
  const auto tree = start(docker(kDeaf));
  runtime.hang(true);
  const auto began = steady_clock::now();
  EXPECT_FALSE(stop(tree));
  EXPECT_LT(steady_clock::now() - began, 20s);
  EXPECT_THAT(tree->reason(), HasSubstr("no answer within"));
  const auto other = lab.start(lab.script("exec cat", "other"));
  const auto before = steady_clock::now();
  EXPECT_TRUE(stop(other));
  EXPECT_LT(steady_clock::now() - before, 5s);
  runtime.hang(false);
  EXPECT_TRUE(ends(tree));
  EXPECT_TRUE(nothing_left());
}

TEST_F(Containers, a_server_of_another_kind_never_asks_a_runtime) {
  EXPECT_TRUE(stop(lab.start(lab.script("exec cat"))));
  EXPECT_TRUE(lab.run(lab.custodian->recover()).unverified.empty());
  EXPECT_TRUE(runtime.calls().empty());
}

// A gateway of its own, to be killed; the next one on its state directory is the lab's.
class LeftContainers : public Containers {
 protected:
  os::PidFd start_gateway(const std::vector<std::string>& image) {
    lab.custodian.reset();
    const auto spec = docker(image);
    std::vector<std::string> words{lab.state, keeper_program(), "tree", "2", spec.command.program};
    words.insert(words.end(), spec.command.arguments.begin(), spec.command.arguments.end());
    auto gateway = outer.start({.path = test::program_path("small_gateway"),
                                .arguments = words,
                                .environment = {"PATH=/usr/bin:/bin", "DOCKER_HOST=" + runtime.host()}});
    EXPECT_TRUE(gateway) << gateway.error().message();
    EXPECT_TRUE(runtime.becomes(image == kPolite ? 2 : 4, 20s));
    return *std::move(gateway);
  }
  void kill_in_one_stroke(const os::PidFd& gateway) {
    (void)gateway.signal(SIGSTOP);
    EXPECT_TRUE(lab.until([&] { return os::read_stat(gateway.pid())->state == 'T'; }));
    std::vector<pid_t> keepers;
    (void)os::for_each_child(gateway.pid(), [&](pid_t child) { keepers.push_back(child); });
    for (const pid_t keeper : keepers) kill_process(keeper);
    (void)gateway.signal(SIGKILL);
    EXPECT_TRUE(lab.until([&] { return os::wait_child(gateway.pid())->pid != 0; }));
  }
  bool next_start_leaves_nobody() {
    lab.reopen();
    (void)lab.run(lab.custodian->recover());
    return lab.until([&] { return nothing_left() && lab.custodian->trees().empty(); });
  }
  test::Outer outer;
};

TEST_F(LeftContainers, L33_gateway_sigkill_is_eof_for_a_polite_one_and_the_next_start_ends_a_deaf_one) {
  const auto polite = start_gateway(kPolite);
  (void)polite.signal(SIGKILL);
  EXPECT_TRUE(runtime.becomes(0, 10s));
  EXPECT_TRUE(next_start_leaves_nobody());
  const auto deaf = start_gateway(kDeaf);
  (void)deaf.signal(SIGKILL);
  EXPECT_TRUE(next_start_leaves_nobody());
}

TEST_F(LeftContainers, L33_a_double_death_is_made_good_by_the_next_start) {
  kill_in_one_stroke(start_gateway(kDeaf));
  EXPECT_EQ(runtime.processes().size(), 4U);
  runtime.docker({"run", "-d", "--rm", "/bin/sleep", "1000"});  // somebody else's
  lab.reopen();
  (void)lab.run(lab.custodian->recover());
  EXPECT_TRUE(lab.until([&] { return records().empty() && lab.custodian->trees().empty(); }));
  EXPECT_EQ(runtime.processes().size(), 1U);
}

TEST_F(LeftContainers, L33_a_dead_daemon_delays_no_start_but_its_own_servers) {
  kill_in_one_stroke(start_gateway(kDeaf));
  runtime.hang(true);
  lab.reopen();
  const auto began = steady_clock::now();
  (void)lab.run(lab.custodian->recover());
  const auto other = lab.start(lab.script("exec cat", "other"));
  EXPECT_LT(steady_clock::now() - began, 4s);
  const auto refused = lab.run(lab.custodian->start(docker(kPolite, {}, "held")));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("is not proven gone"));
  runtime.hang(false);
  EXPECT_TRUE(lab.until([&] { return runtime.processes().empty() && records().empty(); }));
  std::shared_ptr<Tree> next;
  EXPECT_TRUE(lab.until([&] {  // it comes to the loop a moment after the record has gone
    auto started = lab.run(lab.custodian->start(docker(kPolite, {}, "held")));
    if (started) next = *started;
    return next != nullptr;
  }));
  EXPECT_TRUE(next && stop(next));
  EXPECT_TRUE(stop(other));
  EXPECT_TRUE(nothing_left());
}

}  // namespace
}  // namespace holdfast::custody
