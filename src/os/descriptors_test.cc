#include "os/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "os/cgroup.h"
#include "os/process.h"
#include "os/spawn.h"

namespace holdfast::os {
namespace {

// Puts the limit back as it was.
class Limit {
 public:
  Limit() { (void)::getrlimit(RLIMIT_NOFILE, &before_); }
  ~Limit() { (void)::setrlimit(RLIMIT_NOFILE, &before_); }
  void soft(rlim_t value) const {
    struct rlimit limit = before_;
    limit.rlim_cur = value;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  [[nodiscard]] rlim_t hard() const { return before_.rlim_max; }

 private:
  struct rlimit before_{};
};

TEST(Descriptors, a_refused_descriptor_is_counted_and_a_missing_file_is_not) {
  const Limit limit;
  const auto before = descriptor_shortages();
  EXPECT_FALSE(CgroupLeaf::open("/nonexistent"));
  EXPECT_EQ(descriptor_shortages(), before);
  limit.soft(3);
  EXPECT_FALSE(open_null());
  EXPECT_FALSE(PidFd::open(::getpid()));
  EXPECT_EQ(descriptor_shortages(), before + 2);
}

TEST(Descriptors, reserve_gives_descriptors_when_there_are_no_others) {
  const Limit limit;
  limit.soft(64);
  DescriptorReserve reserve;
  std::vector<UniqueFd> all;
  for (auto fd = open_null(); fd; fd = open_null()) all.push_back(std::move(*fd));
  {
    const DescriptorReserve::Lent lent(reserve);
    EXPECT_TRUE(PidFd::open(::getpid()));
  }
  EXPECT_FALSE(open_null()) << "the reserve was not taken back";
}

TEST(Descriptors, a_child_gets_the_limit_that_was_there_before_it_was_raised) {
  const Limit limit;
  limit.soft(200);
  const auto before = raise_descriptor_limit();
  ASSERT_TRUE(before);
  EXPECT_EQ(before->soft, 200U);
  struct rlimit now{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &now), 0);
  EXPECT_EQ(now.rlim_cur, limit.hard());
  auto [read, write] = pipe_pair().value();
  std::string name = "sh", option = "-c", script = "ulimit -Sn; ulimit -Hn";
  char* argv[] = {name.data(), option.data(), script.data(), nullptr};
  char* envp[] = {nullptr};
  const std::vector<int> fds{-1, write.get(), 2};
  auto child = spawn({.path = "/bin/sh", .argv = argv, .envp = envp, .fds = fds, .descriptors = &*before});
  ASSERT_TRUE(child) << child.error().message();
  write.reset();
  std::string text;
  char buffer[64];
  for (ssize_t n = 0; (n = ::read(read.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  while (wait_child(child->pid()).value().pid == 0) (void)::usleep(1000);
  const std::string hard = limit.hard() == RLIM_INFINITY ? "unlimited" : std::to_string(limit.hard());
  EXPECT_EQ(text, "200\n" + hard + "\n");
}

}  // namespace
}  // namespace holdfast::os
