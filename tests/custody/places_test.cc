// The places of gateways that are no more: nothing of them stays for ever, and nothing that is in use goes.
#include "custody/places.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <array>
#include <filesystem>

#include "base/ids.h"
#include "lab.h"
#include "needs.h"
#include "os/process.h"
#include "os/spawn.h"

namespace holdfast::custody {
namespace {

namespace fs = std::filesystem;

// A gateway's places below this process's own cgroup.
class Places : public testing::Test {
 protected:
  void SetUp() override {
    const auto here = os::own_cgroup();
    own = here.value_or("");
    std::error_code ec;
    fs::create_directory(parent(), ec);
    HOLDFAST_NEEDS("leaf", here.has_value() && !ec, "no cgroup to be made below " + own);
    fs::create_directory(room());
  }
  void TearDown() override { EXPECT_TRUE(own.empty() || remove_places(parent())); }
  std::string parent() const { return leaf_parent_of(own, id); }
  std::string room() const { return room_of(parent()); }

  // One that lives in the room, for as long as `work` takes.
  template <class F>
  void with_somebody_in_the_room(F work) const {
    const auto leaf = os::CgroupLeaf::open(room());
    ASSERT_TRUE(leaf);
    std::string name = "sleep", time = "1000";
    const std::array<char*, 3> argv{name.data(), time.data(), nullptr};
    const std::array<char*, 1> envp{nullptr};
    auto null = os::open_null();
    const std::array fds{null->get(), null->get(), null->get()};
    auto child = os::spawn(
        {.path = "/bin/sleep", .argv = argv.data(), .envp = envp.data(), .fds = fds, .leaf_fd = leaf->dir()});
    ASSERT_TRUE(child) << child.error().message();
    work();
    EXPECT_TRUE(child->signal(SIGKILL));
    std::array set{os::Poll{child->get(), POLLIN, 0}};
    EXPECT_EQ(os::poll_all(set, std::chrono::seconds(20)).value_or(0), 1);
    EXPECT_TRUE(os::wait_child(child->pid()));
  }

  const std::string id = random_hex(kGatewayIdBytes);
  std::string own;
};

TEST_F(Places, a_directory_stays_for_as_long_as_its_room_does) {
  with_somebody_in_the_room([&] {
    EXPECT_FALSE(remove_places(parent()));
    remove_abandoned(own, "");
    EXPECT_TRUE(fs::exists(parent()));
    EXPECT_TRUE(fs::exists(room()));
  });
  EXPECT_TRUE(remove_places(parent()));
  EXPECT_FALSE(fs::exists(parent()));
  EXPECT_FALSE(fs::exists(room()));
}

TEST_F(Places, that_nobody_holds_go_with_the_next_start_a_room_alone_too) {
  fs::remove(parent());
  remove_abandoned(own, "");
  EXPECT_FALSE(fs::exists(room()));
  fs::create_directory(parent());
  fs::create_directory(room());
  remove_abandoned(own, "");
  EXPECT_FALSE(fs::exists(parent()));
  EXPECT_FALSE(fs::exists(room()));
}

TEST_F(Places, that_are_held_or_ones_own_stay) {
  remove_abandoned(own, id);
  EXPECT_TRUE(fs::exists(parent()) && fs::exists(room()));
  const auto held = hold(parent());
  ASSERT_TRUE(held);
  remove_abandoned(own, "");
  EXPECT_TRUE(fs::exists(parent()) && fs::exists(room()));
}

TEST_F(Places, a_directory_that_had_to_be_made_again_is_held) {
  Lab lab;
  HOLDFAST_NEEDS("leaf", lab.custodian->rung().rung == Rung::leaf, lab.custodian->rung().reason);
  const std::string mine = lab.custodian->gateway_id();
  const std::string home = home_cgroup(mine).value();
  const auto stop = [&](const std::shared_ptr<Tree>& tree) {
    EXPECT_TRUE(lab.run(lab.custodian->stop(tree, "test")));
  };
  fs::remove(leaf_parent_of(home, mine));
  stop(lab.start(lab.script("exec cat")));
  remove_abandoned(home, id);
  EXPECT_TRUE(fs::exists(leaf_parent_of(home, mine)));
  // Also where the start failed.
  fs::remove(leaf_parent_of(home, mine));
  EXPECT_FALSE(lab.run(lab.custodian->start(lab.program("/no/such/program"))));
  remove_abandoned(home, id);
  EXPECT_TRUE(fs::exists(leaf_parent_of(home, mine)));
}

}  // namespace
}  // namespace holdfast::custody
