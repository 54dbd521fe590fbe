#include "gateway/attribution.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast::gateway {
namespace {

class Attribution : public testing::Test {
 protected:
  static ContactPtr session(const char* id) {
    return std::make_shared<const Contact>(Contact{.session = id, .profile = {}, .consumer = {}});
  }
  // "a:1", "nobody".
  static std::string of(const std::vector<CallAtWork>& calls, const ContactPtr& alone) {
    const Addressee to = addressee(calls, alone);
    return to.who ? to.who->session + ":" + std::to_string(to.call) : "nobody";
  }
  const ContactPtr a = session("a"), b = session("b");
};

TEST_F(Attribution, one_call_in_flight_is_whose_it_is) {
  EXPECT_EQ(of({{a, 7}}, nullptr), "a:7");
  EXPECT_EQ(of({{a, 7}}, b), "a:7");
  EXPECT_EQ(of({{a, 0}}, a), "a:0");
}

TEST_F(Attribution, several_calls_of_one_session_are_its_without_saying_which) {
  EXPECT_EQ(of({{a, 1}, {a, 2}}, nullptr), "a:0");
}

TEST_F(Attribution, without_a_call_it_is_the_only_session_there) {
  EXPECT_EQ(of({}, a), "a:0");
  EXPECT_EQ(of({}, nullptr), "nobody");
}

TEST_F(Attribution, calls_of_several_sessions_are_nobodys) {
  EXPECT_EQ(of({{a, 1}, {b, 1}}, nullptr), "nobody");
  EXPECT_EQ(of({{a, 1}, {b, 1}}, b), "nobody") << "the call of one that has left runs still";
}

// The server may ask a moment after we took the call back, while it has somebody else's.
TEST_F(Attribution, a_call_that_we_abandoned_makes_others_ambiguous) {
  EXPECT_EQ(of({{b, 1}, {.who = a, .abandoned = true}}, nullptr), "nobody");
  EXPECT_EQ(of({{.who = a, .abandoned = true}}, b), "a:0");
  EXPECT_EQ(of({{a, 3}, {.who = a, .abandoned = true}}, nullptr), "a:3");
}

}  // namespace
}  // namespace holdfast::gateway
