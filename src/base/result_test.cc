#include "base/result.h"

#include <gtest/gtest.h>

namespace holdfast {

TEST(Error, names_what_failed_on_what_and_why) {
  const Result<int> r = sys_error("openat", "/nowhere", ENOENT);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().message(), "openat /nowhere: No such file or directory");
  EXPECT_TRUE(r.error().is_errno(ENOENT));
  EXPECT_FALSE(r.error().is(Errc::timeout));
}

TEST(Error, has_codes_of_its_own_for_what_errno_cannot_say) {
  const Result<void> r = fail(Errc::timeout, "initialize", "server memory");
  EXPECT_TRUE(r.error().is(Errc::timeout));
  EXPECT_EQ(r.error().message(), "initialize server memory: timed out");
  const Result<void> sentence = fail(Errc::refused, "", "the gateway is shutting down");
  EXPECT_EQ(sentence.error().message(), "the gateway is shutting down");
}

TEST(FixedString, cuts_what_does_not_fit_and_stays_terminated) {
  FixedString<4> s("abcdef");
  EXPECT_EQ(s.view(), "abcd");
  EXPECT_STREQ(s.c_str(), "abcd");
  FixedString<24> n;
  n.append_number(-42).append("/").append_number(0);
  EXPECT_EQ(n.view(), "-42/0");
}

}  // namespace holdfast
